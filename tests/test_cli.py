"""The commands: help with examples, clear errors on standard error, exit status that programs can trust."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from denwaban import __version__
from denwaban.app import build_box
from denwaban.checks import run_checks
from denwaban.cli import main, parser
from denwaban.clock import SystemClock
from denwaban.config import AlertsConfig, Config, LineConfig, PanelConfig, SoundConfig, SpeechConfig, UnitConfig
from denwaban.effects import CloseCall, NoteUtterance, OpenCall
from denwaban.errors import ConfigError, PanelError
from denwaban.events import Assessment, CallerId, Evidence, Level, Utterance, UtteranceAssessed
from denwaban.finding import Finding
from denwaban.paths import database_path
from denwaban.sim.clock import LineClock
from denwaban.sim.profiles import SI24XX
from denwaban.sim.simulation import LineSetup
from denwaban.sim.virtual_line import VirtualLine
from denwaban.store.database import Database
from tests.fixtures_broker import free_port

COMMANDS = (
    "run", "setup", "sim", "demo", "simulate", "analyze", "calls", "lists", "web", "contacts", "alerts", "contact",
    "models", "config", "doctor", "drill",
)  # fmt: skip


def subparsers(of: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in of._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without any configuration, where the program keeps its data."""
    monkeypatch.chdir(tmp_path)
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "xdg"))
    monkeypatch.delenv("DENWABAN_CONFIG", raising=False)
    return tmp_path


def test_every_command_has_help_and_examples() -> None:
    found = dict(subparsers(parser()))
    assert set(found) == set(COMMANDS)
    for name, command in found.items():
        assert command.description, name
        assert f"denwaban {name}" in (command.epilog or ""), name
        for action, inner in subparsers(command):
            assert inner.description, f"{name} {action}"


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in COMMANDS)], ids=" ".join)
def test_help_exits_0(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    assert "examples" in capsys.readouterr().out


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["analyze"],
        ["analyze", "a.wav", "--text", "b"],
        ["simulate"],
        ["demo", "--speed", "0"],
        ["sim", "--profile", "x"],
        ["setup", "--port", "x", "--virtual"],
    ],
    ids=str,
)
def test_wrong_use_exits_2_with_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["calls", "list"], "no calls yet"),
        (["simulate", "nobody"], "telecom-stop"),
        (["models", "verify"], "denwaban models fetch"),
        (["models", "verify", "no-such-model"], "no-such-model"),
        (["config", "check", "--config", "none.toml"], "none.toml"),
        (["run", "--config", "none.toml"], "none.toml"),
        (["analyze", "none.wav"], "none.wav"),
        (["simulate", "--wav", "none.wav"], "none.wav"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_errors_are_sentences_on_standard_error(
    home: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert says in told.err
    assert "Traceback" not in told.err


def test_models_are_listed_with_licence_and_presence(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", "--json"]) == 0
    models = {model["id"]: model for model in map(json.loads, capsys.readouterr().out.splitlines())}
    assert models["whisper-base"]["licence"]
    assert models["whisper-base"]["here"] is False


def test_box_without_a_port_says_so() -> None:
    with pytest.raises(ConfigError, match=r"line.port.*denwaban doctor"):
        build_box(Config(), clock=SystemClock())


# --- calls ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def kept_call(home: Path) -> Path:
    """A configuration whose database holds one scam call."""
    config = Config(unit=UnitConfig(data_dir=str(home / "data")))
    config.data_dir.mkdir()
    found = Assessment(Level.ALERT, 0.9, 0.95, 4, "refund", (Evidence("還付金", 0.5),))
    database = Database(database_path(config), lambda error: pytest.fail(str(error)))
    database.open_call(OpenCall("c1", CallerId("0312345678"), "screen:domestic"), 1_800_000_000.0)
    heard = UtteranceAssessed(Utterance("還付金 [bold]です[/]", 0.0, 2.0, "far"), found, 2.4)
    database.note(NoteUtterance("c1", heard), 1_800_000_002.0)
    database.close_call(CloseCall("c1", "screened", Level.ALERT, "refund", 0.95), 1_800_000_060.0)
    database.close()
    path = home / "config.toml"
    path.write_text(f'[unit]\ndata_dir = "{config.data_dir}"\n')
    return path


def test_calls_are_listed_and_shown(kept_call: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calls", "list", "--json", "--config", str(kept_call)]) == 0
    (call,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (call["id"], call["level"], call["outcome"]) == ("c1", "alert", "screened")
    assert main(["calls", "show", "c1", "--json", "--config", str(kept_call)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (
        shown["caller"]
        == call["caller"]
        == {
            "number": "0312345678",
            "written": "03-1234-5678",
            "kind": "fixed",
            "name": {"ja": "東京", "en": "Tokyo"},
            "country": "JP",
            "flags": [],
        }
    )
    assert shown["utterances"][0]["text"] == "還付金 [bold]です[/]"
    assert shown["recording"] is None
    assert shown["why"]["en"] == "A number in Japan that is on no list: the box answered first."


def test_calls_for_people_show_the_words_as_they_are(
    kept_call: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")  # so that no table is wrapped
    assert main(["calls", "list", "--config", str(kept_call)]) == 0
    assert "screen: domestic" in capsys.readouterr().out
    assert main(["calls", "show", "c1", "--config", str(kept_call)]) == 0
    shown = capsys.readouterr().out
    assert "還付金 [bold]です[/]" in shown
    assert "登録されていない国内の番号なので、まず箱が応対しました。" in shown
    assert "03-1234-5678 東京" in shown


@pytest.mark.parametrize(
    ("caller", "shown", "number"),
    [
        (CallerId("+18005550110"), "+1 800-555-0110 アメリカ・カナダなど(フリーダイヤル)", "+18005550110"),
        (CallerId(absence="P"), "非通知", None),
        (CallerId(), "caller: -", None),
        (None, "caller: -", None),
    ],
)
def test_a_caller_is_shown_as_telephones_do(
    kept_call: Path, caller: CallerId | None, shown: str, number: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    database = Database(kept_call.parent / "data" / "denwaban.sqlite", lambda error: pytest.fail(str(error)))
    database.open_call(OpenCall("c2", caller, "refuse:international"), 1_800_000_100.0)
    database.close()
    assert main(["calls", "show", "c2", "--config", str(kept_call)]) == 0
    assert shown in capsys.readouterr().out
    assert main(["calls", "show", "c2", "--json", "--config", str(kept_call)]) == 0
    described = json.loads(capsys.readouterr().out)["caller"]
    assert (described and described["number"]) == number


def test_unknown_call_is_named(kept_call: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calls", "show", "nope", "--config", str(kept_call)]) == 1
    assert "'nope'" in capsys.readouterr().err


def test_a_call_is_marked_and_the_mark_taken_back(kept_call: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = ["--config", str(kept_call)]
    assert main(["calls", "mark", "c1", "false-alarm", *config]) == 0
    assert main(["calls", "list", "--json", *config]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["feedback"] == "false-alarm"
    assert main(["calls", "mark", "c1", "none", *config]) == 0
    assert main(["calls", "feedback", *config]) == 0
    assert capsys.readouterr().out.splitlines() == ["c1: mark taken back"]
    assert main(["calls", "mark", "nope", "scam", *config]) == 1
    assert "'nope'" in capsys.readouterr().err


def test_marks_are_exported_without_words_unless_the_household_agreed(
    kept_call: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ["--config", str(kept_call)]
    assert main(["calls", "mark", "c1", "scam", *config]) == 0
    capsys.readouterr()
    assert main(["calls", "feedback", *config]) == 0
    exported = capsys.readouterr().out
    assert json.loads(exported)["turns"] == [{"side": "far", "score": 0.9, "stage": 4, "level": "alert"}]
    assert "0312345678" not in exported
    assert main(["calls", "feedback", "--words", *config]) == 1
    assert "detector.share_words" in capsys.readouterr().err
    kept_call.write_text(kept_call.read_text("utf-8") + "[detector]\nshare_words = true\n", "utf-8")
    assert main(["calls", "feedback", "--words", *config]) == 0
    assert json.loads(capsys.readouterr().out)["turns"][0]["text"].startswith("還付金")


# --- doctor --------------------------------------------------------------------------------------------------------


def test_doctor_finds_everything_missing_and_says_what_to_do(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 1
    findings = {finding["what"]: finding for finding in map(json.loads, capsys.readouterr().out.splitlines())}
    assert findings["line"]["state"] == "bad"
    assert "by-id" in findings["line"]["do"]
    assert findings["speech model"]["state"] == "bad"
    assert findings["speech model"]["do"] == "denwaban models fetch whisper-base"
    assert findings["detector"]["state"] == findings["prompts"]["state"] == findings["disk"]["state"] == "ok"
    for finding in findings.values():
        assert set(finding) == {"what", "state", "found", "do"}
        assert finding["state"] in ("ok", "note", "bad")


def test_doctor_speaks_to_people_too(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 1
    assert "not ready" in capsys.readouterr().out


def states(config: Config) -> dict[str, str]:
    return {finding.what: finding.state for finding in run_checks(config)}


def test_doctor_knows_a_modem_and_a_broker_that_are_not_there(home: Path) -> None:
    config = Config(
        line=LineConfig(port=str(home / "no-modem")), alerts=AlertsConfig(host="127.0.0.1", port=free_port())
    )
    found = states(config)
    assert found["modem"] == found["broker"] == "bad"
    assert found["contacts"] == "note"


def test_doctor_says_what_is_fitted(home: Path) -> None:
    def found(panel: PanelConfig) -> dict[str, Finding]:
        return {finding.what: finding for finding in run_checks(Config(panel=panel))}

    assert found(PanelConfig())["lamps and buttons"].found == "none fitted"
    fitted = found(PanelConfig(alarm_pin=22, family_pin=5))
    assert fitted["lamps and buttons"].found.startswith("alarm lamp GPIO 22, button family GPIO 5")
    assert fitted["listening lamp"].state == "note"
    assert "listening lamp" not in found(PanelConfig(listening_pin=17))


@pytest.mark.skipif(Path("/dev/gpiochip0").exists(), reason="this computer has GPIO")
def test_pins_without_gpio_keep_the_box_from_starting_and_doctor_names_them(home: Path) -> None:
    config = Config(line=LineConfig(port=str(home / "modem")), panel=PanelConfig(listening_pin=17))
    assert states(config)["lamps and buttons"] == "bad"
    with pytest.raises(PanelError, match=r"\[panel\] names pins"):
        build_box(config, clock=LineClock())


@pytest.mark.parametrize("press", ["family", "door@3", "stop@", "fine@soon", "stop@-1"])
def test_a_press_that_is_none_is_refused(press: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["simulate", "telecom-stop", f"--press={press}"])
    assert ended.value.code == 2
    assert "want family, stop or fine, @ and seconds" in capsys.readouterr().err


def test_doctor_talks_to_the_modem(home: Path) -> None:
    with VirtualLine(LineClock()) as line:
        config = Config(line=LineConfig(port=line.port), sound=SoundConfig(speaker="none"))
        assert states(config)["modem"] == "ok"


def test_doctor_gives_the_facts_about_the_modem_to_programs(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with VirtualLine(LineClock(20), setup=LineSetup(SI24XX)) as line:
        (home / "config.toml").write_text(f'[line]\nport = "{line.port}"\nprofile = "auto"\n')
        assert main(["doctor", "--json"]) == 1  # no speech model here
    findings = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    (facts,) = [finding["facts"] for finding in findings if "facts" in finding]
    assert (facts["family"], facts["japan"], facts["caller_id"]) == ("si24xx", "set", "documented")


def test_doctor_says_that_another_engine_is_unmeasured(home: Path) -> None:
    findings = {finding.what: finding for finding in run_checks(Config(speech=SpeechConfig(engine="vosk")))}
    assert "unmeasured" in findings["engine"].found
    assert "make eval ENGINE=vosk" in findings["engine"].do
