"""A toy model for the tests of fetching: in two wheels on a package index, or in a zip at an address."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from package_server import PackageServer

from denwaban.transcribe.catalog import Catalog
from denwaban.transcribe.models import Archive, Digest, Model, ModelFile, Source

RNG = np.random.default_rng(0)
BIG = RNG.bytes(2_000_000)  # of this size pip writes in several pieces, also pip 26 with its pieces of 256 KiB
SMALL = b'{"vocabulary": 1}'
WHEELS = ("toy_part1-1.0-py3-none-any.whl", "toy_part2-1.0-py3-none-any.whl")
DEAD = "http://127.0.0.1:9/simple"  # the discard port: nobody listens


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def wheel(name: str, **members: bytes) -> bytes:
    """A wheel that pip takes: it reads the metadata even where nothing is installed."""
    stem, version = name.split("-")[:2]
    info = f"{stem}-{version}.dist-info"
    return zipped(
        **{f"{stem}/{path}": content for path, content in members.items()},
        **{
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {stem}\nVersion: {version}\n".encode(),
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": b"",
        },
    )


def listed(path: str, content: bytes) -> ModelFile:
    return ModelFile(path, len(content), Digest("sha256", hashlib.sha256(content).hexdigest()))


def git_id(content: bytes) -> Digest:
    return Digest("git-sha1", hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest())


def parts(big: bytes) -> dict[str, bytes]:
    return {
        WHEELS[0]: wheel(WHEELS[0], **{"config.json": SMALL, "model.bin.part1": big[:1_250_000]}),
        WHEELS[1]: wheel(WHEELS[1], **{"model.bin.part2": big[1_250_000:]}),
    }


PARTS = parts(BIG)
PYPI = Source(
    kind="pypi",
    archives=tuple(Archive(name, project=name.split("-")[0].replace("_", "-"), version="1.0") for name in WHEELS),
    prefix="toy_part1/",
    joined={"model.bin": ("toy_part1/model.bin.part1", "toy_part2/model.bin.part2")},
    whole=False,
)
TOY = Model(
    id="toy",
    engine="whisper",
    language="ja",
    title="Toy",
    licence="MIT",
    purpose="tests",
    size=len(BIG) + len(SMALL),
    download=sum(map(len, PARTS.values())),
    files=(listed("config.json", SMALL), listed("model.bin", BIG)),
    sources=(PYPI,),
)
CATALOG = Catalog((TOY,))


def archive_at(url: str, content: bytes, **changes: object) -> Model:
    source = Source("https", (Archive("toy.zip", url=url, digest=git_id(content)),), "toy-1.0/", {}, whole=True)
    return replace(TOY, files=(listed("am/final.mdl", BIG),), sources=(source,), **changes)  # type: ignore[arg-type]


def with_hashes() -> Catalog:
    """The toy with its wheels' hashes, as in the shipped catalogue."""
    archives = (replace(archive, digest=listed("", PARTS[archive.name]).digest) for archive in PYPI.archives)
    return Catalog((replace(TOY, sources=(replace(PYPI, archives=tuple(archives)),)),))


def zip_on(server: PackageServer) -> Model:
    """A model of one archive that is downloaded without pip."""
    server.files["toy.zip"] = zipped(**{"toy-1.0/am/final.mdl": BIG})
    return archive_at(server.url("toy.zip"), server.files["toy.zip"])


def only_index(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """pip knows this index and nothing else of this machine's settings."""
    settings = [name for name in os.environ if name.startswith("PIP_") or name.lower() in ("http_proxy", "all_proxy")]
    for name in settings:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", url)


def by_hand(models_dir: Path, files: dict[str, bytes] = PARTS) -> None:
    """The wheels as someone copied them from a USB stick."""
    for name, content in files.items():
        (models_dir / name).write_bytes(content)


def asked_for(server: PackageServer, prefix: str) -> list[str]:
    return [path for path, _, _ in server.asked if path.startswith(prefix)]
