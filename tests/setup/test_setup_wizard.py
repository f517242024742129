"""The guided start from end to end: real driver, pseudo-terminal, virtual line, played people."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from setup_bench import Evening

from denwaban.config import Config, LineConfig, ScreeningConfig, load_config
from denwaban.setup.steps import STEPS, Cue, Question
from denwaban.setup.virtual import VirtualHousehold
from denwaban.sim.faults import Faults
from denwaban.sim.profiles import CONEXANT, CONEXANT_WITHOUT_JAPAN, SI24XX, USR_OLD
from denwaban.sim.virtual_line import VirtualLine

TRIAL = ("call", "answer", "sides", "release")
Act = Callable[[VirtualHousehold], None]


def without_number(line: VirtualLine) -> VirtualHousehold:
    return VirtualHousehold(line, caller_id=None)


class Otherwise(VirtualHousehold):
    """At one cue something else happens, the first time."""

    def __init__(self, line: VirtualLine, at: Cue, instead: Act) -> None:
        super().__init__(line)
        self._at: Cue | None = at
        self._instead = instead

    def act(self, cue: Cue) -> None:
        if cue != self._at:
            super().act(cue)
            return
        self._at = None
        self._instead(self)


def at(cue: Cue, instead: Act) -> Callable[[VirtualLine], VirtualHousehold]:
    return lambda line: Otherwise(line, cue, instead)


def nothing(_household: VirtualHousehold) -> None:
    pass


# --- all is well -------------------------------------------------------------------------------------------------


def test_a_good_line_goes_through_all_eight_steps(tmp_path: Path) -> None:
    evening = Evening(tmp_path)
    assert evening.run()
    person = evening.person
    assert person.begun == list(STEPS)
    assert [person.states()[step] for step in TRIAL] == ["ok"] * 4
    assert person.cues == ["call_now", "warning_plays", "caller_talks", "household_talks", "hang_up"]
    assert [question.name for question in person.asked] == ["warning_heard", "write"]
    assert load_config(evening.path) == Config(line=LineConfig(port=evening.line.port))
    assert stat.S_IMODE(evening.path.stat().st_mode) == 0o600
    assert not evening.off_hook_afterwards


def test_what_was_measured_is_what_was_on_the_line(tmp_path: Path) -> None:
    evening = Evening(tmp_path)
    evening.run()
    sides = next(result for result in evening.person.results if result.step == "sides")
    values = {finding.what: finding.values for finding in sides.findings}
    assert values["sides_apart"]["db"] in range(6, 14)  # the two shipped voices, 9 dB apart on the line
    assert values["household_heard"]["dbfs"] - values["caller_heard"]["dbfs"] in range(6, 14)  # type: ignore[operator]


def test_a_number_is_never_kept_whole(tmp_path: Path) -> None:
    evening = Evening(tmp_path)
    evening.run()
    assert "number_shown" in evening.person.found("call")
    everything = repr(evening.person.results) + evening.path.read_text()
    assert "5678" in everything
    assert "12345678" not in everything


# --- the number ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("contract", "service"), [("yes", True), ("no", False), ("unsure", False)])
def test_without_a_number_the_contract_decides(tmp_path: Path, contract: str, service: bool) -> None:
    evening = Evening(tmp_path, without_number, answers={"number_contract": [contract]})
    assert evening.run()
    assert evening.person.found("call") == ["ring_heard", "number_missing"]
    assert load_config(evening.path).line.number_service is service
    assert f"sum_number_{'unread' if service else 'off'}" in evening.person.found("summary")


def test_a_number_sets_the_service_even_if_the_file_denied_it(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[line]\nnumber_service = false\n")
    evening = Evening(tmp_path)
    assert evening.run()
    assert load_config(evening.path).line.number_service


def test_a_modem_of_another_country_is_found_out_by_short_rings(tmp_path: Path) -> None:
    evening = Evening(tmp_path, profile=CONEXANT_WITHOUT_JAPAN)
    assert evening.run()
    assert evening.person.found("call")[1] == "number_taken_for_rings"
    assert "number_contract" not in [question.name for question in evening.person.asked]
    assert "sum_number_impossible" in evening.person.found("summary")


@pytest.mark.parametrize("absence", ["P", "O", "C", "S"])
def test_an_absent_number_proves_the_service(tmp_path: Path, absence: str) -> None:
    evening = Evening(tmp_path, lambda line: VirtualHousehold(line, caller_id=absence))
    assert evening.run()
    assert evening.person.found("call")[1] == f"number_absent_{absence}"
    assert load_config(evening.path).line.number_service


def test_a_garbled_number_is_told(tmp_path: Path) -> None:
    evening = Evening(tmp_path, faults=Faults(cid_garbled=True))
    assert evening.run()
    assert evening.person.found("call")[1] == "number_garbled"


# --- modems --------------------------------------------------------------------------------------------------------


def test_a_modem_without_voice_ends_it_and_says_why(tmp_path: Path) -> None:
    evening = Evening(tmp_path, profile=USR_OLD)
    assert not evening.run()
    assert evening.person.begun == ["find", "identify"]
    assert evening.person.found("identify") == ["modem_named", "voice_needs_update"]
    assert not evening.path.exists()


def test_a_mute_modem_ends_it(tmp_path: Path) -> None:
    evening = Evening(tmp_path, faults=Faults(mute=True))
    assert not evening.run()
    assert evening.person.found("identify") == ["modem_silent"]
    assert not evening.path.exists()


def test_a_pickup_that_is_not_sensed_is_noticed(tmp_path: Path) -> None:
    evening = Evening(tmp_path, profile=SI24XX)
    assert evening.run()
    assert "pickup_unnoticed" in evening.person.found("sides")
    assert "sum_pickup_by_voice" in evening.person.found("summary")
    assert "household_heard" in evening.person.found("sides")


def test_an_8_bit_modem_goes_through_too(tmp_path: Path) -> None:
    evening = Evening(tmp_path, profile=CONEXANT)
    assert evening.run()
    assert "audio_8_bit" in evening.person.found("identify")
    assert evening.person.states()["release"] == "ok"


# --- people --------------------------------------------------------------------------------------------------------


def test_nobody_calls(tmp_path: Path) -> None:
    evening = Evening(tmp_path, at("call_now", nothing), speed=60)
    assert evening.run()
    assert evening.person.found("call") == ["nobody_called"]
    assert [evening.person.found(step) for step in TRIAL[1:]] == [["not_tried"]] * 3
    assert "sum_untried" in evening.person.found("summary")
    assert load_config(evening.path) == Config(line=LineConfig(port=evening.line.port))


def test_ringing_that_stops_too_soon_is_told(tmp_path: Path) -> None:
    evening = Evening(tmp_path, lambda line: VirtualHousehold(line, caller_id=None, rings=1))
    assert evening.run()
    assert evening.person.found("call") == ["ringing_stopped"]
    assert not any("+VLS=1" in command for command in evening.line.transcript_of_commands)


def hang_up(household: VirtualHousehold) -> None:
    household.line.caller_hangs_up()


@pytest.mark.parametrize(
    ("cue", "step"), [("warning_plays", "answer"), ("caller_talks", "sides"), ("household_talks", "sides")]
)
def test_a_caller_who_hangs_up_in_the_middle_may_call_again(tmp_path: Path, cue: Cue, step: str) -> None:
    evening = Evening(tmp_path, at(cue, hang_up), answers={"try_again": ["yes"]})
    assert evening.run()
    gone = [result.step for result in evening.person.results if result.findings[0].what == "caller_gone"]
    assert gone == [step]
    assert [evening.person.states()[step] for step in TRIAL] == ["ok"] * 4
    assert evening.person.begun.count("call") == 2


def test_who_does_not_call_again_gets_a_configuration_with_what_is_known(tmp_path: Path) -> None:
    evening = Evening(tmp_path, at("caller_talks", hang_up))
    assert evening.run()
    assert evening.person.found("release") == ["not_tried"]
    assert "sum_number_shown" in evening.person.found("summary")
    assert not evening.off_hook_afterwards


def test_silence_is_no_voice(tmp_path: Path) -> None:
    evening = Evening(tmp_path, at("caller_talks", nothing))
    assert evening.run()
    assert "caller_unheard" in evening.person.found("sides")
    assert "sum_caller_unheard" in evening.person.found("summary")


def test_a_call_that_never_ends_is_released_and_told(tmp_path: Path) -> None:
    evening = Evening(tmp_path, at("hang_up", nothing))
    assert not evening.run(), "a box that cannot notice the end of a call is not well set up"
    assert evening.person.found("release") == ["end_unnoticed", "released"]
    assert "sum_end_unnoticed" in evening.person.found("summary")
    assert evening.path.exists()
    assert not evening.off_hook_afterwards


def test_a_warning_that_nobody_hears_is_a_failure(tmp_path: Path) -> None:
    evening = Evening(tmp_path, answers={"warning_heard": ["no"]})
    assert not evening.run()
    assert evening.person.found("answer") == ["warning_heard_no"]
    assert "sum_warning_unheard" in evening.person.found("summary")


def test_skipping_the_call_leaves_the_line_alone(tmp_path: Path) -> None:
    evening = Evening(tmp_path, skip_call=True)
    assert evening.run()
    assert evening.person.begun == ["find", "identify", "write", "summary"]
    assert "sum_untried" in evening.person.found("summary")
    assert not any("+VLS=1" in command for command in evening.line.transcript_of_commands)


# --- accidents -----------------------------------------------------------------------------------------------------

CUES: tuple[Cue, ...] = ("call_now", "warning_plays", "caller_talks", "household_talks", "hang_up")


@pytest.mark.parametrize("cue", CUES)
def test_a_modem_unplugged_in_the_middle_ends_it_and_changes_nothing(tmp_path: Path, cue: Cue) -> None:
    evening = Evening(tmp_path, at(cue, lambda household: household.line.close()))
    assert not evening.run()
    assert evening.person.results[-1].findings[0].what == "modem_lost"
    assert not evening.path.exists()


@pytest.mark.parametrize("cue", CUES)
def test_ctrl_c_releases_the_line_and_writes_nothing(tmp_path: Path, cue: Cue) -> None:
    def interrupt(household: VirtualHousehold) -> None:
        raise KeyboardInterrupt

    evening = Evening(tmp_path, at(cue, interrupt))
    with pytest.raises(KeyboardInterrupt):
        evening.run()
    assert not evening.off_hook_afterwards
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_at_the_last_question_writes_nothing(tmp_path: Path) -> None:
    class Gone(VirtualHousehold):
        def answer(self, question: Question) -> str:
            if question.name == "write":
                raise KeyboardInterrupt
            return super().answer(question)

    evening = Evening(tmp_path, Gone, skip_call=True)
    with pytest.raises(KeyboardInterrupt):
        evening.run()
    assert list(tmp_path.iterdir()) == []
    assert not evening.wizard.written


def test_a_folder_that_vanishes_during_the_call_loses_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()

    def swap(household: VirtualHousehold) -> None:
        folder.rmdir()
        folder.write_text("now a file")
        household.hang_up()

    evening = Evening(folder, at("hang_up", swap))
    assert not evening.run()
    assert evening.person.found("write") == ["config_not_written"]
    assert not evening.wizard.written
    assert folder.read_text() == "now a file"


def test_what_was_configured_stays_and_the_old_file_too(tmp_path: Path) -> None:
    old = "# mine\n[line]\nport = '/dev/old'\n[screening]\nallow = ['0312345678']\n"
    (tmp_path / "config.toml").write_text(old)
    evening = Evening(tmp_path)
    assert evening.run()
    allow = ScreeningConfig(allow=("0312345678",))
    assert load_config(evening.path) == Config(line=LineConfig(port=evening.line.port), screening=allow)
    assert (tmp_path / "config.toml.bak").read_text() == old
    assert "config_kept" in evening.person.found("write")


def test_who_declines_keeps_everything_as_it_was(tmp_path: Path) -> None:
    evening = Evening(tmp_path, skip_call=True, answers={"write": ["no"]})
    assert not evening.run()
    assert list(tmp_path.iterdir()) == []


def test_a_modem_with_quirks_goes_through_too(tmp_path: Path) -> None:
    evening = Evening(tmp_path, faults=Faults(second_cid_in_call=True, bogus_h_after_vls=True, bogus_d_in_rx=True))
    assert evening.run()
    assert [evening.person.states()[step] for step in TRIAL] == ["ok"] * 4
