"""What the box says next in the room: the most urgent prompt, nothing twice, nothing that is out of date. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class Urgency(IntEnum):
    """How much a prompt matters. The higher takes the word from the lower."""

    NOTICE = 0
    """A call waits, the box is out of order, or a button wants to be pressed once more."""
    ADVICE = 1
    WARNING = 2
    """Hang up now."""
    AFTERWARDS = 3
    """The call is over: whatever was said about it is out of date."""


_URGENCY: Final = {
    "chime": Urgency.NOTICE,
    "phone_for_you": Urgency.NOTICE,
    "line_fault": Urgency.NOTICE,
    "family_hint": Urgency.NOTICE,
    "stop_hint": Urgency.NOTICE,
    "fine_offer": Urgency.NOTICE,
    "scam_warning": Urgency.WARNING,
    "scam_warning_alone": Urgency.WARNING,
    "call_ended_advice": Urgency.AFTERWARDS,
    "call_ended_advice_alone": Urgency.AFTERWARDS,
}
"""All others are advice."""
KEPT_S: Final = {Urgency.NOTICE: 20.0, Urgency.ADVICE: 60.0, Urgency.WARNING: 60.0, Urgency.AFTERWARDS: 300.0}
"""Longest wait, for the prompt before to end or for the loudspeaker to be plugged in again. A call that waited longer
is gone, and who pressed a button has walked off; what to do after a call is good to know minutes later."""


def urgency_of(prompt: str) -> Urgency:
    """How much this prompt matters."""
    return _URGENCY.get(prompt, Urgency.ADVICE)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A prompt and since when it has been waiting."""

    prompt: str
    since: float


class Playlist:
    """Holds each prompt at most once, so it is bounded by the number of prompts. Times in seconds, monotonic."""

    def __init__(self) -> None:
        self._waiting: list[Waiting] = []
        self._playing: str | None = None

    def add(self, prompt: str, now: float) -> bool:
        """Take a prompt in; True if it has to interrupt what is playing."""
        if prompt == self._playing or any(one.prompt == prompt for one in self._waiting):
            return False
        urgency = urgency_of(prompt)
        if urgency >= Urgency.WARNING:  # what was to be said before it, a mere hint among it, would only blur it
            self._waiting = [one for one in self._waiting if urgency_of(one.prompt) >= urgency]
        self._waiting.append(Waiting(prompt, now))
        return self._playing is not None and urgency > urgency_of(self._playing)

    def begin(self, now: float) -> Waiting | None:
        """The most urgent prompt, of equals the oldest, is being played from now on; None: nothing to say."""
        self._waiting = [one for one in self._waiting if now - one.since <= KEPT_S[urgency_of(one.prompt)]]
        first = max(self._waiting, key=lambda one: urgency_of(one.prompt), default=None)
        if first is not None:
            self._waiting.remove(first)
        self._playing = first.prompt if first else None
        return first

    def put_back(self, prompt: Waiting) -> None:
        """It could not be played: it goes on waiting."""
        self._playing = None
        self._waiting.insert(0, prompt)
