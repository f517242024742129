"""Commands and answers over a scripted port: late, missing and stray answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from denwaban.errors import LineError, ModemRefused
from denwaban.line.at import Audio, Code, Item, Reply
from denwaban.line.dialogue import COMMAND_LIMIT_S, MOST_LINES, Dialogue, await_modem

POLL_S = 0.02


class Time:
    """A clock that passes only when somebody waits for the port."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def wall(self) -> float:
        return self.seconds

    def wait_hint(self, deadline: float) -> float:
        return deadline - self.seconds


class ScriptedPort:
    """Answers the n-th write with the n-th row of the script: (delay in seconds, bytes) pairs."""

    def __init__(self, time: Time, *script: list[tuple[float, bytes]], read_at_once: int = 4096) -> None:
        self._time = time
        self._script = list(script)
        self._due: list[tuple[float, bytes]] = []
        self._read_at_once = read_at_once
        self.written: list[bytes] = []

    @property
    def in_waiting(self) -> int:
        return sum(len(data) for at, data in self._due if at <= self._time.seconds)

    def read(self, size: int = 1, /) -> bytes:
        if not self.in_waiting:
            self._time.seconds += POLL_S
        out = b""
        while self._due and self._due[0][0] <= self._time.seconds and len(out) < size:
            at, data = self._due.pop(0)
            take = min(size - len(out), self._read_at_once)
            out += data[:take]
            if data[take:]:
                self._due.insert(0, (at, data[take:]))
            if self._read_at_once < 4096:
                break
        return out

    def write(self, data: bytes, /) -> int:
        self.written.append(data)
        if self._script:
            self._due += [(self._time.seconds + delay, answer) for delay, answer in self._script.pop(0)]
            self._due.sort(key=lambda due: due[0])
        return len(data)


class Desk:
    def __init__(self, *script: list[tuple[float, bytes]], read_at_once: int = 4096) -> None:
        self.time = Time()
        self.port = ScriptedPort(self.time, *script, read_at_once=read_at_once)
        self.news: list[Item] = []
        self.beats = 0
        self.dialogue = Dialogue(self.port, self.time, self._beat, self._notice)

    def _beat(self) -> None:
        self.beats += 1

    def _notice(self, item: Item) -> bool:
        if isinstance(item, Reply) and item.text != "RING":
            return False
        self.news.append(item)
        return True


OK = b"\r\nOK\r\n"


def test_an_answer_is_the_lines_before_ok() -> None:
    desk = Desk([(0.1, b"AT+VSM=?\r\r\n1,a\r\n\r\nRING\r\n2,b\r\n\x10R\r\nOK\r\n")])
    assert desk.dialogue.command("AT+VSM=?") == ["1,a", "2,b"]
    assert desk.news == [Reply("RING"), Code("R")]


@pytest.mark.parametrize("error", [b"ERROR", b"+CME ERROR: 3"])
def test_an_error_names_the_command(error: bytes) -> None:
    desk = Desk([(0.1, error + b"\r\n")])
    with pytest.raises(ModemRefused, match=r"ERROR.* to AT\+VCID=1"):
        desk.dialogue.command("AT+VCID=1")


def test_silence_names_the_command_and_takes_five_seconds() -> None:
    desk = Desk()
    with pytest.raises(ModemRefused, match="nothing to ATH"):
        desk.dialogue.command("ATH")
    assert desk.time.now() == pytest.approx(COMMAND_LIMIT_S, abs=2 * POLL_S)
    assert desk.beats >= COMMAND_LIMIT_S / POLL_S - 2


def test_an_optional_command_may_be_refused_but_not_ignored() -> None:
    assert Desk([(0.1, b"ERROR\r\n")]).dialogue.try_command("AT+GMM") is None
    with pytest.raises(ModemRefused):
        Desk().dialogue.try_command("AT+GMM")


def test_a_late_answer_is_not_that_of_the_next_command() -> None:
    desk = Desk([(6.0, OK)], [(0.1, b"ERROR\r\n")])
    with pytest.raises(ModemRefused):
        desk.dialogue.command("AT+VLS=1")
    desk.time.seconds += 2.0
    with pytest.raises(ModemRefused, match="ERROR"):
        desk.dialogue.command("AT+VSD=128,0")


def test_stray_results_of_the_line_are_no_answer() -> None:
    desk = Desk([(0.1, b"\r\nNO CARRIER\r\n\r\nBUSY\r\n"), (0.2, OK)])
    desk.dialogue.command("ATH")
    assert desk.time.now() >= 0.2


def test_a_stream_begins_with_connect_and_with_nothing_else() -> None:
    desk = Desk([(0.1, OK), (2.0, b"\r\nCONNECT\r\n")])
    desk.dialogue.open_stream("AT+VTX", "transmit")
    assert desk.time.now() >= 2.0
    with pytest.raises(ModemRefused, match=r"nothing to AT\+VTX"):
        Desk([(0.1, OK)]).dialogue.open_stream("AT+VTX", "transmit")
    with pytest.raises(ModemRefused, match="ERROR"):
        Desk([(0.1, b"ERROR\r\n")]).dialogue.open_stream("AT+VRX", "receive")


@pytest.mark.parametrize("read_at_once", [*range(1, 16), 4096])
def test_audio_in_the_same_read_as_connect_is_kept_whole(read_at_once: int) -> None:
    desk = Desk([(0.1, b"\r\nCONNECT\r\n\n\r\x10\x10ab")], read_at_once=read_at_once)
    desk.dialogue.open_stream("AT+VRX", "receive")
    for _ in range(20):
        desk.dialogue.listen()
    assert b"".join(item.data for item in desk.news if isinstance(item, Audio)) == b"\n\r\x10ab"


def test_waiting_for_an_item_leaves_what_comes_behind_it() -> None:
    desk = Desk([(0.1, b"\x10P\r\nOK\r\n")])
    desk.dialogue.write(b"\x10!")
    assert desk.dialogue.listen_until(lambda: desk.news == [Code("P")], 1.0)
    assert desk.dialogue.await_ok(1.0)
    assert not desk.dialogue.listen_until(lambda: False, 1.0)


def test_a_babbling_modem_costs_bounded_time_and_memory() -> None:
    desk = Desk([(0.001 * at, b"noise %d\r\n" % at) for at in range(8000)])
    with pytest.raises(ModemRefused):
        desk.dialogue.command("AT+GMM")
    desk = Desk([(0.0, b"x\r\n" * 1000 + OK)])
    assert len(desk.dialogue.command("AT+GMM")) == MOST_LINES


def test_the_modem_is_brought_into_step_by_asking_again() -> None:
    """Its answer to the first AT comes while the second is asked; no later command may get a wrong answer."""
    desk = Desk([(1.25, OK)], [(0.15, OK)], [(0.2, b"Model\r\n" + OK)])
    await_modem(desk.dialogue)
    assert desk.dialogue.command("AT+GMM") == ["Model"]


def test_nobody_at_the_port_is_told_clearly() -> None:
    desk = Desk()
    with pytest.raises(LineError, match="no modem answers to AT"):
        await_modem(desk.dialogue)
    assert desk.time.now() < 10.0


def test_rings_between_the_leftovers_of_a_dead_talk_are_not_forgotten() -> None:
    desk = Desk([(0.05, b"ab\x10\x03\r\nOK\r\n\r\nRING\r\n\r\nERROR\r\n")], [(0.1, OK)])
    desk.port.write(b"\x10!")
    await_modem(desk.dialogue)
    assert desk.news == [Reply("RING")]


@pytest.mark.parametrize("asked", [1, 2, 3])
def test_a_sign_of_life_may_come_at_the_third_asking(asked: int) -> None:
    desk = Desk(*[[(0.1, b"?\r\n")]] * (asked - 1), [(0.1, OK)])
    assert desk.dialogue.is_there()


def test_a_modem_that_never_answers_is_not_there() -> None:
    desk = Desk()
    assert not desk.dialogue.is_there()
    assert desk.time.now() < 5.0


@given(st.lists(st.tuples(st.floats(0.0, 2.0), st.binary(max_size=40)), max_size=10), st.integers(1, 64))
def test_any_answer_in_any_pieces_is_taken_or_refused_in_time(answer: list[tuple[float, bytes]], piece: int) -> None:
    desk = Desk(answer, read_at_once=piece)
    try:
        assert all(isinstance(line, str) for line in desk.dialogue.command("AT+GMM"))
    except ModemRefused:
        assert desk.time.now() <= COMMAND_LIMIT_S + 2 * POLL_S
