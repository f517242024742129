"""The bytes in which a modem answers and reports: result codes, information text, rings, caller id, event codes."""

from __future__ import annotations

import random
from typing import Final

from denwaban.sim import caller_report, dle
from denwaban.sim.audio_path import TICK_S
from denwaban.sim.exchange import LineTick, NumberReport, Signal
from denwaban.sim.faults import PIECE_S
from denwaban.sim.settings import Book
from denwaban.sim.voice import ToneWatch

SECOND_CALLER: Final = "0311112222"
_NUMERIC: Final = {"OK": "0", "CONNECT": "1", "RING": "2", "ERROR": "4"}


class Answers:
    """Result codes and text, worded as V, Q and the faults say."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._lines = 0

    def text(self, line: bytes) -> bytes:
        line = self._damaged(line)
        blank = b"\r\n" if self._book.faults.blank_lines else b""
        return blank + (b"\r\n" + line + b"\r\n" if self._book.active.verbose else line + b"\r\n")

    def result(self, name: str) -> bytes:
        active = self._book.active
        if active.quiet:
            return b""
        return self.text(name.encode("ascii")) if active.verbose else _NUMERIC[name].encode("ascii") + b"\r"

    def _damaged(self, line: bytes) -> bytes:
        """The line as a modem with loose characters sends it."""
        faults = self._book.faults
        self._lines += 1
        if faults.loses_characters and self._lines % faults.loses_characters == 0:
            return line[1:]
        if faults.doubles_characters and self._lines % faults.doubles_characters == 0:
            return line[:1] + line
        return line


class LineReports:
    """What a modem tells its host about the line, tick by tick."""

    def __init__(self, book: Book, answers: Answers) -> None:
        self._book = book
        self._answers = answers
        self._tones = ToneWatch()
        self._held_report: str | None = None
        self._rings = 0
        self._garble = random.Random(1)
        self._second_piece = b""
        self._piece_due_s = 0.0

    def tick(self, line: LineTick, voice: bool, off_hook: bool, recording: bool) -> bytes:
        """The bytes due in this tick; `voice` is service class 8."""
        if off_hook:
            self._held_report = None
        told = self._due_piece()
        told += b"".join(self._signal(signal, voice, off_hook) for signal in line.signals)
        return told + self._tone(line, voice, off_hook, recording)

    def _signal(self, signal: Signal | NumberReport, voice: bool, off_hook: bool) -> bytes:
        match signal:
            case NumberReport():
                return b"" if off_hook else self._number(signal.text, voice)
            case Signal.CAR:
                self._held_report = None
                # A modem that does not know Number Display takes the pulses for rings.
                shows = self._book.faults.ring_per_car or not self._book.japanese_caller_id
                return self._ring(voice) if shows and not off_hook else b""
            case Signal.RING:
                return b"" if off_hook else self._ring(voice) + self._report_after_ring(voice)
            case Signal.HANDSET_LIFTED:
                return self._code("P", self._tells_hook(voice, off_hook))
            case Signal.HANDSET_REPLACED:
                return self._code("p", self._tells_hook(voice, off_hook))
            case Signal.CALL_WAITING:
                return self._report(SECOND_CALLER, voice)

    def _tells_hook(self, voice: bool, off_hook: bool) -> bool:
        on_hook = self._book.faults.hook_codes_on_hook and not off_hook
        return on_hook or (voice and self._book.senses_extension)

    def _code(self, char: str, voice: bool) -> bytes:
        """Event codes exist in voice mode only."""
        return dle.code(char) if voice else b""

    def _ring(self, voice: bool) -> bytes:
        return dle.code("R") if voice else self._answers.result("RING")

    def _number(self, text: str, voice: bool) -> bytes:
        if self._book.faults.cid_missing:
            return b""
        if self._book.faults.cid_after_rings == 0:
            return self._report(text, voice)
        self._held_report = text
        self._rings = 0
        return b""

    def _report_after_ring(self, voice: bool) -> bytes:
        self._rings += 1
        if self._held_report is None or self._rings < self._book.faults.cid_after_rings:
            return b""
        text, self._held_report = self._held_report, None
        return self._report(text, voice)

    def _report(self, text: str, voice: bool) -> bytes:
        if not self._book.japanese_caller_id:
            return b""
        if self._book.active.caller_id == 2:
            lines = caller_report.hexadecimal(text)
        else:
            lines = caller_report.formatted(text, self._book.faults, self._garble)
        if voice:
            return dle.code("X") + dle.shield(b"\r\n".join(lines)) + dle.code(".")
        whole = b"".join(self._answers.text(line) for line in lines)
        if not self._book.faults.cid_in_pieces:
            return whole
        cut = whole.find(b"\x83") + 1 or len(whole) // 2
        self._second_piece, self._piece_due_s = whole[cut:], PIECE_S
        return whole[:cut]

    def _due_piece(self) -> bytes:
        """The rest of a report, when its time has come."""
        self._piece_due_s -= TICK_S
        if not self._second_piece or self._piece_due_s > 0:
            return b""
        piece, self._second_piece = self._second_piece, b""
        return piece

    def _tone(self, line: LineTick, voice: bool, off_hook: bool, recording: bool) -> bytes:
        tone = self._tones.due(line.tone if off_hook else None)
        codes = self._book.profile.busy_code
        dumb = self._book.faults.no_busy_code or codes == "never" or (codes == "not while recording" and recording)
        if tone is None or (tone == "busy" and dumb):
            return b""
        faults = self._book.faults
        busy = "q" if faults.quiet_code_instead_of_busy else "s" if faults.silence_code_instead_of_busy else "b"
        return self._code(busy if tone == "busy" else "d", voice)
