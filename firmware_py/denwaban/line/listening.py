"""The port `Line` on a sound input that can only be listened to: a handset-cord recorder or a line coupler.

Nothing is answered, announced, refused or cut. The household lifts, and what `call_finder.py` hears of it is told in
the same events as a modem's that senses the telephone.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

import numpy as np

from denwaban.effects import Answer, HangUp, LineCommand, Play, Record
from denwaban.errors import AudioError
from denwaban.events import (
    SAMPLE_RATE,
    Answered,
    AudioFrame,
    CallerIdShown,
    Event,
    LineFailed,
    LineReady,
    LineReleased,
    Pcm,
    PromptFinished,
    RecordingStarted,
    RingHeard,
)
from denwaban.line.call_finder import CallFinder
from denwaban.line.number_display import NumberDisplayReceiver
from denwaban.ports import Capabilities, Clock, Emit, FrameSink, Line, StreamCounts

_log = logging.getLogger(__name__)

POLL_S: Final = 0.02
NO_SOUND_LIMIT_S: Final = 3.0
"""A sound card delivers all the time, silence too."""
RETRY_S: Final = (1.0, 2.0, 5.0, 10.0)
KEPT_S: Final = 3.0
"""Sound from before the call was noticed, so that its first words are not lost."""
MOST_COMMANDS: Final = 64
CLOSE_LIMIT_S: Final = 5.0
RING_AFTER_NUMBER_S: Final = 8.0
"""Within so long after its number a call rings; a number without a ring is of a call that waits."""


class SoundSource(Protocol):
    """A sound device that is listened to. Its methods do not wait and raise AudioError when the device is not there."""

    @property
    def name(self) -> str: ...

    @property
    def losses(self) -> int:
        """How often sound was lost."""

    def open(self) -> None: ...

    def read(self) -> Pcm:
        """What has come since the last time, possibly nothing."""

    def close(self) -> None: ...


class ListenLine:
    """`Line` without a hand: the box hears from the moment the household lifts."""

    def __init__(
        self,
        source: SoundSource,
        clock: Clock,
        heartbeat: Callable[[], None] = lambda: None,
        numbers: Line | None = None,
    ) -> None:
        """`numbers`: a modem beside the sound input, of which only rings and callers' numbers are taken.

        `heartbeat` is called by the line thread at least every second, if the device opens within one.
        """
        self._source = source
        self._clock = clock
        self._heartbeat = heartbeat
        self._numbers = numbers
        self._heard_number = False
        self._commands: queue.Queue[LineCommand] = queue.Queue(MOST_COMMANDS)
        self._reports: queue.Queue[Event] = queue.Queue(MOST_COMMANDS)
        self._next_call: list[Event] = []
        """Told when the session has let go of the call before; until then it would take them for that one's."""
        self._call_waiting: tuple[CallerIdShown, float] | None = None
        self._finder = CallFinder()
        self._receiver = NumberDisplayReceiver()
        self._kept: deque[Pcm] = deque()
        self._recording = False
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def capabilities(self) -> Capabilities:
        """`shows_caller` is False until a number was heard, or the modem was asked: a handset's cord carries none."""
        by_modem = self._numbers is not None and self._numbers.capabilities.shows_caller
        return Capabilities(
            can_announce=False,
            can_cut=False,
            hears_outgoing=True,
            separate_sides=False,
            shows_caller=by_modem or self._heard_number,
        )

    @property
    def stream_counts(self) -> StreamCounts:
        return StreamCounts(overruns=self._source.losses)

    def start(self, emit: Emit, frames: FrameSink) -> None:
        if self._numbers is not None:
            self._numbers.start(self._note_report, frames)
        self._thread = threading.Thread(target=self._run, args=(emit, frames), name="line", daemon=True)
        self._thread.start()

    def submit(self, command: LineCommand) -> None:
        self._commands.put_nowait(command)

    def close(self) -> None:
        self._closing.set()
        if self._numbers is not None:
            self._numbers.close()
        if self._thread is not None:
            self._thread.join(CLOSE_LIMIT_S)

    def _note_report(self, event: Event) -> None:
        """On the modem's thread. Without the modem the box still hears, so its failures are no failures of the line."""
        if isinstance(event, RingHeard | CallerIdShown):
            with contextlib.suppress(queue.Full):
                self._reports.put_nowait(event)
        elif isinstance(event, LineFailed):
            _log.warning("no callers' numbers: %s", event.reason)

    # --- the line thread ---

    def _run(self, emit: Emit, frames: FrameSink) -> None:
        failures, told = 0, ""
        while not self._closing.is_set():
            try:
                self._heartbeat()
                self._source.open()
                self._forget_call()
                failures, told = 0, ""
                emit(LineReady(f"sound input {self._source.name}"))
                self._serve(emit, frames)
            except AudioError as error:
                if str(error) != told:
                    told = str(error)
                    emit(LineFailed(told))
            finally:
                self._source.close()
            self._wait(RETRY_S[min(failures, len(RETRY_S) - 1)], emit, frames)
            failures += 1

    def _forget_call(self) -> None:
        """What was known of a call before sound was lost is worth nothing."""
        self._finder, self._receiver = CallFinder(), NumberDisplayReceiver()
        self._kept.clear()
        self._next_call.clear()
        self._recording = False

    def _wait(self, seconds: float, emit: Emit, frames: FrameSink) -> None:
        for _ in range(round(seconds / POLL_S)):
            self._heartbeat()
            self._obey(emit, frames)
            if self._closing.wait(POLL_S):
                return

    def _serve(self, emit: Emit, frames: FrameSink) -> None:
        sound_at = self._clock.now()
        while not self._closing.is_set():
            self._heartbeat()
            self._obey(emit, frames)
            self._take_reports(emit)
            waits = self._recording and not frames.has_room()  # only a virtual line may be made to wait
            pcm = np.zeros(0, np.int16) if waits else self._source.read()
            if len(pcm) or waits:
                sound_at = self._clock.now()
            elif self._clock.now() - sound_at > NO_SOUND_LIMIT_S:
                raise AudioError(
                    f"sound input {self._source.name!r} has delivered nothing for {NO_SOUND_LIMIT_S:.0f} s"
                )
            if len(pcm):
                self._hear(pcm, emit, frames)
            else:
                self._closing.wait(POLL_S)

    def _obey(self, emit: Emit, frames: FrameSink) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._execute(self._commands.get_nowait(), emit, frames)

    def _execute(self, command: LineCommand, emit: Emit, frames: FrameSink) -> None:
        match command:
            case Answer():
                emit(Answered())  # the household has; there is nothing to do
            case Record():
                if not self._recording:
                    self._recording = True
                    emit(RecordingStarted())
                    for pcm in self._kept:
                        frames.put(AudioFrame(pcm))
            case HangUp():
                self._recording = False
                emit(LineReleased())
                self._tell_next_call(emit)
            case Play(prompt):
                _log.error("a line that is only listened to plays nothing, so not %s either", prompt)
                emit(PromptFinished(prompt))

    def _hear(self, pcm: Pcm, emit: Emit, frames: FrameSink) -> None:
        if self._recording:
            frames.put(AudioFrame(pcm))
        self._keep(pcm)
        if self._numbers is None:
            for caller in self._receiver.feed(pcm):  # the message of a waiting call is another one
                self._heard_number = True
                self._begin_anew([CallerIdShown(caller)], emit)
        for event in self._finder.feed(pcm):
            emit(event)

    def _begin_anew(self, events: list[Event], emit: Emit) -> None:
        """Another call than the one before announces itself."""
        self._next_call += events
        for event in self._finder.new_call():
            emit(event)
        if not self._recording:
            self._tell_next_call(emit)

    def _tell_next_call(self, emit: Emit) -> None:
        events, self._next_call = self._next_call, []
        for event in events:
            emit(event)

    def _keep(self, pcm: Pcm) -> None:
        self._kept.append(pcm)
        while sum(map(len, self._kept)) - len(self._kept[0]) >= KEPT_S * SAMPLE_RATE:
            self._kept.popleft()

    def _take_reports(self, emit: Emit) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._report(self._reports.get_nowait(), emit)

    def _report(self, event: Event, emit: Emit) -> None:
        """A number in a call may be of a call that waits; only a ring tells that the call is over."""
        now = self._clock.now()
        if isinstance(event, CallerIdShown) and self._finder.in_call:
            self._call_waiting = event, now
            return
        waiting, self._call_waiting = self._call_waiting, None
        recent = self._finder.in_call and waiting is not None and now - waiting[1] <= RING_AFTER_NUMBER_S
        self._begin_anew([waiting[0], event] if waiting is not None and recent else [event], emit)
