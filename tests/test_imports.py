"""The rooms of the program: who may know whom. Read from the source, so lazy imports count as well."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "firmware_py" / "denwaban"
STAGES = ("line", "audio", "transcribe", "detect", "alert", "store", "panel", "web", "sim")
FOR_EVERYBODY = frozenset(
    {"denwaban"} | {f"denwaban.{name}" for name in ("events", "rules", "effects", "ports", "errors", "config")}
)
KNOW_SEVERAL = frozenset(
    (
        *("app.py", "alerting.py", "drill.py", "drill_family.py", "rehearsal.py", "analysis.py", "checks.py"),
        *("household.py", "household_family.py", "household_ready.py", "page.py"),
    )
)
"""Besides `cli/`."""
PURE = (
    "advice.py", "buttons.py", "call.py", "effects.py", "errors.py", "events.py", "family.py", "health.py", "phases.py",
    "ports.py", "reasons.py", "ringing.py", "rules.py", "screening.py", "session.py",
)  # fmt: skip
PURE_MAY_USE = frozenset(
    ("__future__", "collections", "dataclasses", "enum", "math", "numpy", "re", "typing", "unicodedata")
)
OUTSIDE = ("training", "ward_office", "tests", "bench")


def modules(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if path.is_relative_to(PACKAGE))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, module) of every import, also inside functions; `from denwaban import events` is `denwaban.events`."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            assert node.level == 0, f"{path}:{node.lineno}: relative import; write denwaban.…"
            if module == "denwaban" or (module.startswith("denwaban.") and (PACKAGE / module.split(".")[1]).is_dir()):
                names = (f"{module}.{alias.name}" for alias in node.names)
                yield from ((node.lineno, name if is_module(name) else module) for name in names)
            else:
                yield node.lineno, module


def is_module(name: str) -> bool:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def where(path: Path, line: int) -> str:
    return f"{path.relative_to(PACKAGE.parent)}:{line}"


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_imports_only_the_common_words_and_itself(stage: str) -> None:
    own = f"denwaban.{stage}"
    wrong = [
        f"{where(path, line)} imports {name}"
        for path in modules(PACKAGE / stage)
        for line, name in imports(path)
        if name.split(".")[0] == "denwaban"
        and name not in FOR_EVERYBODY
        and name != own
        and not name.startswith(own + ".")
    ]
    assert wrong == []


def test_the_box_imports_nothing_of_training_office_or_tests() -> None:
    wrong = [
        f"{where(path, line)} imports {name}"
        for path in modules(PACKAGE)
        for line, name in imports(path)
        if name.split(".")[0] in OUTSIDE
    ]
    assert wrong == []


def test_only_the_wiring_knows_several_stages() -> None:
    for path in modules(PACKAGE):
        known = {name.split(".")[1] for _line, name in imports(path) if name.startswith("denwaban.")} & set(STAGES)
        if path.name in KNOW_SEVERAL and path.parent == PACKAGE:
            continue
        if path.parent == PACKAGE / "cli":
            continue
        assert len(known) <= 1, f"{path.relative_to(PACKAGE)} knows {sorted(known)}"


@pytest.mark.parametrize("name", PURE)
def test_the_core_does_no_input_or_output(name: str) -> None:
    path = PACKAGE / name
    for line, module in imports(path):
        top = module.split(".")[0]
        if top == "denwaban":
            core = {f"denwaban.{name[:-3]}" for name in (*PURE, "phone_number.py")}
            assert module in FOR_EVERYBODY - {"denwaban.config"} | core, f"{where(path, line)}: {module}"
        else:
            assert top in PURE_MAY_USE, f"{where(path, line)}: the core imports {module}"


@pytest.mark.parametrize("name", PURE)
def test_the_core_opens_and_prints_nothing(name: str) -> None:
    calls = [node for node in ast.walk(ast.parse((PACKAGE / name).read_text("utf-8"))) if isinstance(node, ast.Call)]
    named = {node.func.id for node in calls if isinstance(node.func, ast.Name)}
    assert not named & {"open", "print", "input", "exec", "eval", "__import__"}


def test_wall_time_is_read_in_the_clock_only() -> None:
    """`doctor` looks at the clock itself, and the virtual line starts its own from it."""
    allowed = {"clock.py", "sim/clock.py", "checks.py"}
    readers = {
        path.relative_to(PACKAGE).as_posix()
        for path in modules(PACKAGE)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("time.time", "datetime.now", "datetime.utcnow")
    }
    assert readers <= allowed


def test_every_import_is_of_the_standard_library_or_declared() -> None:
    declared = {
        "cattrs", "cryptography", "jwcrypto", "numpy", "onnxruntime", "paho", "phonenumbers", "platformdirs", "serial",
        "rich", "soundfile", "soxr", "sudachipy", "vobject", "webrtcvad", "ctranslate2", "tokenizers", "vosk",
        "sounddevice", "amqtt", "anyio", "apprise", "argon2", "gpiozero", "jinja2", "markupsafe", "segno", "starlette",
        "uvicorn",
    }  # fmt: skip
    found = {name.split(".")[0] for path in modules(PACKAGE) for _line, name in imports(path)} - {"denwaban"}
    assert found - set(sys.stdlib_module_names) - declared == set()


def test_functions_and_modules_stay_small() -> None:
    """House style: functions up to 40 lines, modules up to 400."""
    for path in modules(PACKAGE):
        source = path.read_text("utf-8")
        assert source.count("\n") <= 400, f"{path.relative_to(PACKAGE)} is too long"
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                assert length <= 40, f"{where(path, node.lineno)}: {node.name} has {length} lines"
