"""The parts of the guided start by themselves: levels, the configuration file, ports, typed answers."""

from __future__ import annotations

import dataclasses
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from denwaban.cli.terminal import InputEnded, Lines, understood
from denwaban.clock import SystemClock
from denwaban.config import AlertsConfig, Config, ContactConfig, LineConfig, ScreeningConfig, UnitConfig, load_config
from denwaban.errors import ConfigError, LineError
from denwaban.events import Pcm
from denwaban.line.probe import ModemFacts
from denwaban.ports import Capabilities
from denwaban.setup.config_file import ConfigFile, minimal_toml
from denwaban.setup.levels import LevelMeter, VoiceLevel
from denwaban.setup.line import SerialBench, stable_name
from denwaban.setup.steps import Cue, FoundModem, OpenLine, Question, Step, StepResult
from denwaban.setup.trial import Measured, difference_finding
from denwaban.setup.wizard import Plan, Wizard
from denwaban.shipped import shipped_calls
from denwaban.sim.callfile import load_call

SPEECH = load_call(shipped_calls() / "daughter-warns").far[: 8000 * 9]

# --- levels --------------------------------------------------------------------------------------------------------


def measured(pcm: Pcm, chunk: int = 8000) -> VoiceLevel | None:
    meter = LevelMeter()
    for start in range(0, len(pcm), chunk):
        meter.feed(pcm[start : start + chunk])
    return meter.level()


@pytest.mark.parametrize("chunk", [1, 159, 160, 161, 4096])
def test_the_level_does_not_depend_on_the_chunks(chunk: int) -> None:
    short = SPEECH[:24_000]
    assert measured(short, chunk) == measured(short)


def test_half_the_amplitude_is_6_db_less() -> None:
    loud, soft = measured(SPEECH), measured((SPEECH // 2).astype(np.int16))
    assert loud is not None
    assert soft is not None
    assert loud.dbfs - soft.dbfs == pytest.approx(6.0, abs=0.5)


def test_silence_and_line_noise_are_no_voice() -> None:
    noise = (np.random.default_rng(1).standard_normal(8000 * 20) * 30).astype(np.int16)
    assert measured(np.zeros(8000 * 5, np.int16)) is None
    assert measured(noise) is None


def test_an_overdriven_voice_is_clipped() -> None:
    over = np.clip(SPEECH.astype(np.int32) * 30, -32768, 32767).astype(np.int16)
    found = measured(over)
    assert found is not None
    assert found.clipped > 0.01


@pytest.mark.parametrize(
    ("far", "near", "told"),
    [(-20.0, -14.0, "sides_apart"), (-20.0, -16.0, "sides_alike"), (-14.0, -20.0, "sides_swapped")],
)
def test_the_difference_is_judged_as_in_a_real_call(far: float, near: float, told: str) -> None:
    trial = Measured(far=VoiceLevel(4.0, far, 0.0), near=VoiceLevel(4.0, near, 0.0))
    assert [finding.what for finding in difference_finding(trial)] == [told]
    assert difference_finding(Measured(far=trial.far)) == ()


# --- the configuration file ----------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAMES = st.text("abcXYZ019-", min_size=1, max_size=8)
CONFIGS = st.builds(
    Config,
    unit=st.builds(UnitConfig, name=NAMES, data_dir=TEXT),
    line=st.builds(LineConfig, port=TEXT, number_service=st.booleans()),
    screening=st.builds(
        ScreeningConfig,
        allow=st.lists(st.from_regex(r"0[0-9]{9}", fullmatch=True), max_size=3).map(tuple),
        withheld=st.sampled_from(["allow", "screen", "refuse"]),
        handset_wait_s=st.floats(5, 1e6),
    ),
    alerts=st.builds(AlertsConfig, host=TEXT, port=st.integers(1, 65535)),
    contacts=st.lists(
        st.builds(ContactConfig, name=NAMES, role=TEXT), max_size=2, unique_by=lambda contact: contact.name
    ).map(tuple),
)


@given(CONFIGS)
def test_what_is_written_reads_back_as_the_same(tmp_path_factory: pytest.TempPathFactory, config: Config) -> None:
    path = tmp_path_factory.mktemp("config") / "config.toml"
    ConfigFile(path).write(config)
    assert load_config(path) == config


def test_only_what_differs_is_written() -> None:
    lines = [line for line in minimal_toml(Config(line=LineConfig(port="/dev/x"))).splitlines() if line]
    assert lines[0].startswith("#")
    assert lines[1:] == ["[line]", 'port = "/dev/x"']
    assert minimal_toml(Config()).count("\n") == 1


def test_the_file_is_private_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config.toml"
    assert ConfigFile(path).write(Config(line=LineConfig(port="/dev/x"))) is None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [one.name for one in path.parent.iterdir()] == ["config.toml"]


def test_a_copy_never_overwrites_another(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("# by hand")
    copies = [ConfigFile(path).write(Config(line=LineConfig(port=f"/dev/{n}"))) for n in range(3)]
    assert [copy.name for copy in copies if copy] == ["config.toml.bak", "config.toml.bak1", "config.toml.bak2"]
    assert (tmp_path / "config.toml.bak").read_text() == "# by hand"
    assert stat.S_IMODE((tmp_path / "config.toml.bak").stat().st_mode) == 0o600


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.toml").write_text("")
    link = tmp_path / "config.toml"
    link.symlink_to("real.toml")
    ConfigFile(link).write(Config(line=LineConfig(port="/dev/x")))
    assert link.is_symlink()
    assert load_config(tmp_path / "real.toml").line.port == "/dev/x"


def test_a_configuration_that_would_not_load_replaces_nothing(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("# mine")
    with pytest.raises(ConfigError, match="letters, digits and hyphens"):
        ConfigFile(path).write(Config(unit=UnitConfig(name="two words")))
    assert path.read_text() == "# mine"
    assert [one.name for one in tmp_path.iterdir()] == ["config.toml"]


def test_a_file_with_mistakes_and_a_place_that_cannot_be_written_are_told_before_anything_else(tmp_path: Path) -> None:
    broken = tmp_path / "config.toml"
    broken.write_text("[line]\nprot = 1\n")
    with pytest.raises(ConfigError, match="did you mean port"):
        ConfigFile(broken)
    with pytest.raises(ConfigError, match="--config"):
        ConfigFile(broken / "config.toml")


# --- ports ---------------------------------------------------------------------------------------------------------


def test_a_port_is_named_by_id(tmp_path: Path) -> None:
    device, by_id = tmp_path / "ttyACM0", tmp_path / "by-id"
    device.touch()
    by_id.mkdir()
    (by_id / "usb-modem").symlink_to("../ttyACM0")
    assert stable_name(str(device), by_id) == str(by_id / "usb-modem")
    assert stable_name(str(tmp_path / "ttyACM1"), by_id) is None
    assert stable_name(str(device), tmp_path / "none") is None


def test_a_port_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    bench = SerialBench(SystemClock(), lambda _name: SPEECH, None, tuple)
    (tmp_path / "port").touch()
    assert bench.trouble(str(tmp_path / "none")) == "port_missing"
    assert bench.trouble(str(tmp_path / "port")) == ""
    assert bench.trouble("socket://modem:1") == ""
    with pytest.raises(LineError):
        bench.identify(str(tmp_path / "port"))


class Ports:
    """A `Bench` that finds one list of modems after another, and never a modem that answers."""

    def __init__(self, *lists: Sequence[str], trouble: Literal["", "port_missing", "no_permission"] = "") -> None:
        self._lists = [[FoundModem(port, "", stable=False) for port in ports] for ports in lists]
        self._trouble: Literal["", "port_missing", "no_permission"] = trouble
        self.tried = ""

    def modems(self) -> Sequence[FoundModem]:
        return self._lists.pop(0) if len(self._lists) > 1 else self._lists[0]

    def trouble(self, port: str) -> Literal["", "port_missing", "no_permission"]:
        return self._trouble

    def identify(self, port: str) -> ModemFacts:
        self.tried = port
        raise LineError("nobody there")

    def open(self, port: str) -> OpenLine:
        raise AssertionError("never identified")

    def capabilities(self, facts: ModemFacts) -> Capabilities:
        raise AssertionError("never identified")


@dataclasses.dataclass
class Answering:
    """A person with one answer to every question."""

    answer: str
    found: list[str] = dataclasses.field(default_factory=list)

    def begin(self, step: Step) -> None: ...

    def please(self, cue: Cue) -> None: ...

    def waiting(self, cue: Cue, left_s: float) -> None: ...

    def ask(self, question: Question) -> str:
        return self.answer if self.answer in question.answers else question.default

    def show(self, result: StepResult) -> None:
        self.found += [finding.what for finding in result.findings]


def look(tmp_path: Path, ports: Ports, answer: str = "", port: str = "") -> list[str]:
    person = Answering(answer)
    assert not Wizard(person, ports, ConfigFile(tmp_path / "config.toml"), Plan(port)).run()
    return person.found


def test_no_modem_is_looked_for_again_as_long_as_somebody_wants(tmp_path: Path) -> None:
    ports = Ports([], [], ["/dev/a"])
    assert look(tmp_path, ports, "yes") == ["modem_found", "port_name_may_change", "modem_silent"]
    assert ports.tried == "/dev/a"
    assert look(tmp_path, Ports([]), "no") == ["no_modem"]


def test_of_several_modems_one_is_chosen_or_none(tmp_path: Path) -> None:
    ports = Ports(["/dev/a", "/dev/b"])
    assert "modem_silent" in look(tmp_path, ports, "2")
    assert ports.tried == "/dev/b"
    assert look(tmp_path, Ports(["/dev/a", "/dev/b"])) == ["several_modems"]


def test_a_given_port_is_not_looked_for(tmp_path: Path) -> None:
    ports = Ports(["/dev/a", "/dev/b"])
    assert look(tmp_path, ports, port="/dev/c") == ["modem_found", "modem_silent"]
    assert look(tmp_path, Ports([], trouble="no_permission"), port="/dev/c") == ["no_permission"]


# --- typed answers -------------------------------------------------------------------------------------------------

HEARD = Question("warning_heard", ("yes", "no", "unsure"), "unsure", {})


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("y", "yes"),
        ("Ｙ", "yes"),
        (" YES ", "yes"),
        ("はい", "yes"),
        ("n", "no"),
        ("いいえ", "no"),
        ("？", "unsure"),
        ("", "unsure"),
        ("maybe", None),
        ("q", None),
    ],
)
def test_answers_are_understood_in_any_width_and_case(typed: str, answer: str | None) -> None:
    assert understood(typed, HEARD) == answer


def test_numbers_choose() -> None:
    question = Question("which_modem", ("1", "2", "none"), "none", {})
    assert [understood(typed, question) for typed in ("２", "q", "3")] == ["2", "none", None]


@pytest.fixture
def pipe() -> Iterator[tuple[IO[str], IO[bytes]]]:
    read_end, write_end = os.pipe()
    with open(read_end, encoding="utf-8") as reader, open(write_end, "wb", buffering=0) as writer:
        yield reader, writer


def test_lines_come_whole_however_they_are_cut(pipe: tuple[IO[str], IO[bytes]]) -> None:
    reader, writer = pipe
    lines = Lines(reader)  # type: ignore[arg-type]
    data = "はい\nn\n".encode()
    writer.write(data[:2])
    assert lines.next(0.0) is None
    writer.write(data[2:])
    assert [lines.next(None), lines.next(0.0)] == ["はい", "n"]
    assert lines.next(0.0) is None
    writer.close()
    with pytest.raises(InputEnded):
        lines.next(None)
