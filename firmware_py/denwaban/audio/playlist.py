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
    "does_hang_up": Urgency.WARNING,
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
    """Prompts to be said in one go, and since when they have been waiting."""

    prompts: tuple[str, ...]
    since: float

    @property
    def urgency(self) -> Urgency:
        return urgency_of(self.prompts[-1])


class Playlist:
    """Holds each sentence at most once, so it is bounded by the number of prompts. Times in seconds, monotonic."""

    def __init__(self) -> None:
        self._waiting: list[Waiting] = []
        self._playing: Waiting | None = None
        self._who = ""

    def add(self, prompt: str, now: float) -> bool:
        """Take a prompt in; True if it has to interrupt what is playing."""
        if prompt.startswith("who_"):  # half a sentence: what that person does is added next
            self._who = prompt
            return False
        prompts = (self._who, prompt) if prompt.startswith("does_") and self._who else (prompt,)
        playing = (self._playing,) if self._playing else ()
        if any(one.prompts == prompts for one in (*playing, *self._waiting)):
            return False
        urgency = urgency_of(prompt)
        if urgency >= Urgency.WARNING:
            self._waiting = [one for one in self._waiting if one.urgency >= urgency or _is_news(one)]
        self._waiting.append(Waiting(prompts, now))
        return self._playing is not None and urgency > self._playing.urgency

    def begin(self, now: float) -> Waiting | None:
        """The most urgent prompt, of equals the oldest, is being played from now on; None: nothing to say."""
        self._waiting = [one for one in self._waiting if now - one.since <= KEPT_S[one.urgency]]
        first = max(self._waiting, key=lambda one: one.urgency, default=None)
        if first is not None:
            self._waiting.remove(first)
        self._playing = first
        return first

    def put_back(self, waiting: Waiting) -> None:
        """It could not be played: it goes on waiting."""
        self._playing = None
        self._waiting.insert(0, waiting)


def _is_news(waiting: Waiting) -> bool:
    """Of the family: a warning makes hints before it pointless, but not who answered."""
    return waiting.prompts[0].startswith("who_") and waiting.urgency < Urgency.WARNING
