"""The listening threads: audio from the line goes to `transcribe` (recognise and judge) and to `tape` (the recording).

They are two threads because recognising an utterance takes up to a second, and the recording must be on disk by then.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final, TypeVar

from denwaban.errors import DenwabanError
from denwaban.events import (
    SAMPLE_RATE,
    AudioFrame,
    CallerId,
    ListenerFailed,
    RecordingFailed,
    TranscriptFinished,
    UtteranceAssessed,
)
from denwaban.listener import CallListener
from denwaban.ports import Emit, Recorder, Speaker

T = TypeVar("T")

_log = logging.getLogger(__name__)

CALLS_WAITING: Final = 8
"""Calls whose audio waits to be judged or written."""
BEHIND_LIMIT_S: Final = 60.0
"""How far a reader may fall behind on a real line before the oldest audio is dropped and counted."""
WAITING_LIMIT_S: Final = 0.5
"""The same on the virtual line, which is made to wait instead."""
HANG_AFTER_S: Final = 120.0
"""Real seconds for one step of listening. The longest honest one, an utterance of half a minute on a slow board, takes
a fraction of it (an estimate)."""
POLL_S: Final = 0.5


class FrameQueue:
    """Audio between two threads, bounded by seconds. When full, the oldest is dropped and counted."""

    def __init__(self) -> None:
        self._frames: deque[AudioFrame | None] = deque()
        self._samples = 0
        self._changed = threading.Condition()
        self.dropped_samples = 0

    @property
    def seconds(self) -> float:
        return self._samples / SAMPLE_RATE

    def put(self, frame: AudioFrame | None) -> None:
        """Append a frame, or None for the end of a call's audio. Never blocks."""
        with self._changed:
            self._frames.append(frame)
            self._samples += 0 if frame is None else len(frame.pcm)
            while self._samples > BEHIND_LIMIT_S * SAMPLE_RATE:
                self._drop_oldest()
            self._changed.notify()

    def _drop_oldest(self) -> None:
        """Drop the oldest audio; the ends of calls stay, or two calls would become one."""
        at, oldest = next((i, frame) for i, frame in enumerate(self._frames) if frame is not None)
        del self._frames[at]
        self._samples -= len(oldest.pcm)
        self.dropped_samples += len(oldest.pcm)

    def get(self, timeout: float) -> AudioFrame | None:
        """The next frame, None at the end of a call. Raises queue.Empty after `timeout` real seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: bool(self._frames), timeout):
                raise queue.Empty
            frame = self._frames.popleft()
            self._samples -= 0 if frame is None else len(frame.pcm)
            return frame


class Ears:
    """Implements `FrameSink` for the line and runs the two threads behind it.

    `delete` removes the recording of a call, if there is one; it raises StoreError when it cannot. `speaker` is the one
    in the room, which the household's handset may hear. `real_time` counts seconds, also on the virtual line.
    """

    def __init__(
        self,
        listeners: Callable[[CallerId | None], CallListener],
        recorders: Callable[[str], Recorder | None],
        delete: Callable[[str], None],
        *,
        line_waits: bool,
        speaker: Speaker | None = None,
        real_time: Callable[[], float] = time.monotonic,
    ) -> None:
        self._listeners = listeners
        self._recorders = recorders
        self._delete = delete
        self._line_waits = line_waits
        self._speaker = speaker
        self._real_time = real_time
        self._step_since: float | None = None
        """When the step of listening that is under way began."""
        self._hung = False
        self._gate = threading.Lock()
        self._open = ""
        """The call to which audio belongs; without one it is thrown away. Guarded by `_gate`."""
        self._discarded: tuple[str, ...] = ()
        self._to_transcribe = FrameQueue()
        self._to_tape = FrameQueue()
        self._transcribe_jobs: queue.Queue[tuple[str, CallerId | None]] = queue.Queue(maxsize=CALLS_WAITING)
        self._tape_jobs: queue.Queue[tuple[str, bool]] = queue.Queue(maxsize=2 * CALLS_WAITING)
        """(call, whether to delete its recording), in this order: first it is written, then deleted."""
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, emit: Emit) -> None:
        for name, target in (("transcribe", self._transcribe), ("tape", self._tape)):
            thread = threading.Thread(target=target, args=(emit,), name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    # --- for the line ---

    def has_room(self) -> bool:
        return not self._line_waits or self._to_transcribe.seconds < WAITING_LIMIT_S

    def put(self, frame: AudioFrame) -> None:
        if self._speaker is not None and self._speaker.speaking:
            frame = replace(frame, box_speaks=True)
        with self._gate:
            if self._open:
                self._to_tape.put(frame)
                self._to_transcribe.put(frame)

    # --- for the main loop ---

    def begin(self, call_id: str, caller: CallerId | None) -> None:
        """Audio from now on belongs to this call."""
        self._tape_jobs.put_nowait((call_id, False))
        self._transcribe_jobs.put_nowait((call_id, caller))
        with self._gate:
            self._open = call_id

    def end(self) -> None:
        """The call's audio is complete."""
        with self._gate:
            self._open = ""
            self._to_tape.put(None)
            self._to_transcribe.put(None)

    def discard(self, call_id: str) -> None:
        """Forget this call, whether it is still going on or only being judged: no word of it comes, no sound stays."""
        self._discarded = (*self._discarded, call_id)[-CALLS_WAITING:]
        if self._open == call_id:
            self.end()
        self._tape_jobs.put_nowait((call_id, True))

    @property
    def hung(self) -> bool:
        """Whether a step was told to hang and has still not ended."""
        return self._hung

    def look(self, emit: Emit) -> None:
        """To be called every second: tell once of a listener that does not come back, for it cannot say so itself."""
        since = self._step_since
        if since is not None and not self._hung and self._real_time() - since >= HANG_AFTER_S:
            self._hung = True
            emit(ListenerFailed(f"one step of listening has not ended in {HANG_AFTER_S:.0f} s", hung=True))

    @property
    def dropped_s(self) -> float:
        """Seconds of audio that were never judged, since the start of the program."""
        return self._to_transcribe.dropped_samples / SAMPLE_RATE

    def close(self) -> None:
        self._closing.set()
        for thread in self._threads:
            if not (self._hung and thread.name == "transcribe"):
                thread.join(timeout=5)

    # --- threads ---

    def _transcribe(self, emit: Emit) -> None:
        for call_id, caller in self._jobs(self._transcribe_jobs):
            frames, heard = self._frames(self._to_transcribe), False
            try:
                heard = self._listen(emit, call_id, caller, frames)
            except Exception as error:  # noqa: BLE001 - a thread's top
                # A recogniser that breaks must not take the telephone with it: this call goes on unjudged.
                _log.exception("listening failed")
                emit(ListenerFailed(_reason(error)))
            _skip(frames)
            emit(TranscriptFinished(call_id, heard))

    def _listen(self, emit: Emit, call_id: str, caller: CallerId | None, frames: Iterator[AudioFrame]) -> bool:
        """Whether words were heard, and the call to its end."""
        heard = False
        with self._timed():
            listener = self._listeners(caller)
        for frame in frames:
            with self._timed():
                words = listener.feed(frame.pcm, box_speaks=frame.box_speaks)
            self._tell(emit, call_id, words)
            heard = heard or bool(words)
            if call_id in self._discarded:
                return False
        if self._closing.is_set() or call_id in self._discarded:
            return False
        with self._timed():
            words = listener.finish()
        self._tell(emit, call_id, words)
        return heard or bool(words)

    @contextlib.contextmanager
    def _timed(self) -> Iterator[None]:
        """A step that may hang."""
        self._step_since = self._real_time()
        try:
            yield
        finally:
            self._step_since, self._hung = None, False

    def _tell(self, emit: Emit, call_id: str, words: list[UtteranceAssessed]) -> None:
        for heard in words:
            if call_id not in self._discarded:
                emit(replace(heard, call_id=call_id))

    def _tape(self, emit: Emit) -> None:
        for call_id, deletes in self._jobs(self._tape_jobs):
            if deletes:
                self._delete_recording(emit, call_id)
                continue
            frames = self._frames(self._to_tape)
            try:
                self._record(call_id, frames)
            except Exception as error:  # noqa: BLE001 - a thread's top
                _log.error("recording stopped: %s", error)
                emit(RecordingFailed(_reason(error)))
            _skip(frames)

    def _delete_recording(self, emit: Emit, call_id: str) -> None:
        try:
            self._delete(call_id)
        except DenwabanError as error:
            _log.error("a recording stays that should not: %s", error)
            emit(RecordingFailed(str(error)))

    def _record(self, call_id: str, frames: Iterator[AudioFrame]) -> None:
        recorder = self._recorders(call_id)
        if recorder is None:
            return
        try:
            for frame in frames:
                if call_id in self._discarded:
                    return
                recorder.write(frame.pcm)
        finally:
            recorder.close()

    def _jobs(self, source: queue.Queue[T]) -> Iterator[T]:
        """Calls to attend to, until the end of the program."""
        while not self._closing.is_set():
            with contextlib.suppress(queue.Empty):
                yield source.get(timeout=POLL_S)

    def _frames(self, source: FrameQueue) -> Iterator[AudioFrame]:
        """The audio of one call up to its end, once: what is left of it can be skipped, never a frame of the next."""
        while not self._closing.is_set():
            try:
                frame = source.get(POLL_S)
            except queue.Empty:
                continue
            if frame is None:
                return
            yield frame


def _skip(frames: Iterator[AudioFrame]) -> None:
    for _frame in frames:
        pass


def _reason(error: Exception) -> str:
    """Our own errors say what to do; others might quote what was said, so only their kind is told."""
    return str(error) if isinstance(error, DenwabanError) else type(error).__name__
