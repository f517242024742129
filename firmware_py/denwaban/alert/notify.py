"""Short notes to contacts without a program of ours, by e-mail, LINE and the like: one at a time, in order, not often.

A service that takes a note says nothing about a person, so a note confirms nothing and takes no answer. It is minimal:
whoever carries it can read it.
"""

from __future__ import annotations

import json
import logging
import math
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Final

from denwaban.alert.outbox import HEALTH, NOTE_PREFIX, Message, PendingMessage, SpillingOutbox
from denwaban.alert.settings import Contact, Language
from denwaban.alert.words import words_for
from denwaban.effects import Hearing, SendAlert
from denwaban.errors import StoreError, WireError
from denwaban.ports import Clock

_log = logging.getLogger(__name__)

BURST: Final = 3
REFILL_S: Final = 300.0
"""So many notes at once, then one in this time: services count them, and so do people. What is too many waits."""
FIRST_WAIT_S: Final = 30.0
LONGEST_WAIT_S: Final = 3600.0
TRIES: Final = 40
"""About a day and a half."""
_LOOK_S: Final = 60.0
_JAPAN: Final = timezone(timedelta(hours=9))


@dataclass(frozen=True, slots=True)
class Note:
    """What a person reads."""

    title: str
    text: str


Send = Callable[[str, Note], None]
"""Hand a note to the service of an address. Raises WireError that does not name the address: it holds a secret."""


def alert_note(alert: SendAlert, at: float, language: Language, *, drill: bool) -> Note:
    """Time, kind and what to do; no number and no word of the call. `at`: seconds since the epoch."""
    words, when = words_for(alert.category), datetime.fromtimestamp(at, UTC).astimezone(_JAPAN).strftime("%H:%M")
    if language == "en":
        title = f"{'[drill] ' if drill else ''}denwaban: {words.kind_en}"
        what = words.kind_en if alert.category == "help" else f"a call at the household may be: {words.kind_en}"
        return Note(title, f"{when} (Japan): {what}.\n{words.advice}\nThis message cannot be answered.")
    mark = "【訓練】" if drill else ""
    if alert.category == "help":
        return Note(f"{mark}電話番: 助けを求めています", f"{when} {words.kind}。\n{words.advice}\n{_NO_ANSWER}")
    text = f"{when} ご家庭の電話で、{words.kind}の疑いがあります。\n{words.advice}\n{_NO_ANSWER}"
    return Note(f"{mark}電話番: {words.kind}の疑い", text)


def health_note(hearing: Hearing, reason: str, language: Language) -> Note:
    """That the box has become deaf, and in which part (`reason`), or hears again."""
    if hearing == "well":
        return _WELL[language]
    return _UNHEARD[language] if reason == "speech" else _DEAF[language]


def test_note(language: Language) -> Note:
    """To try whether notes arrive."""
    if language == "en":
        return Note("[drill] denwaban: a test", "If you read this, notes of the box reach you.")
    return Note("【訓練】電話番: お試しの知らせ", "これが読めれば、箱からの知らせが届きます。")


_WELL: Final[dict[Language, Note]] = {
    "ja": Note("電話番: なおりました", "箱は、また電話を見守っています。"),
    "en": Note("denwaban: well again", "The box screens callers again."),
}
_DEAF: Final[dict[Language, Note]] = {
    "ja": Note("電話番: 電話を聞けません", "箱が、電話を聞けなくなっています。電源と電話線を確かめてください。"),
    "en": Note("denwaban: deaf", "The box cannot hear the telephone. Please check it."),
}
_UNHEARD: Final[dict[Language, Note]] = {
    "ja": Note(
        "電話番: 通話を聞き取れません",
        "箱は電話に出ますが、話を聞き取れず、詐欺に気づけません。箱の電源を入れ直してください。",
    ),
    "en": Note(
        "denwaban: cannot follow calls",
        "The box answers callers but cannot make out what is said, so it notices no fraud. Switch it off and on.",
    ),
}
_NO_ANSWER: Final = "(この知らせには、返事できません。ご本人に電話してください。)"


def note_message(contact: Contact, note: Note, turn: int = 0) -> Message:
    """A note as a message for the outbox."""
    payload = json.dumps([note.title, note.text], ensure_ascii=False).encode()
    return Message(NOTE_PREFIX + contact.name, payload, contact.name, turn=turn)


def addresses(path: Path) -> Sequence[str]:
    """The addresses of a file, one a line. Raises StoreError."""
    try:
        lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{path}: cannot be read ({error})") from error
    found = [line for line in lines if line and not line.startswith("#")]
    if not found:
        raise StoreError(f"{path}: holds no address")
    return found


def send_to_first(send: Send, urls: Sequence[str], note: Note) -> None:
    """Try one address after another until one takes the note. Raises the last one's WireError."""
    for n, url in enumerate(urls, 1):
        try:
            send(url, note)
        except WireError:
            if n == len(urls):
                raise
        else:
            return


@dataclass(slots=True)
class _Pace:
    """How fast notes of one kind go to one contact. Times are those of the caller's clock."""

    left: float = BURST
    since: float = -math.inf
    tries: int = 0
    not_before: float = -math.inf
    error: str | None = None
    newest: int = 0
    """The highest `sequence` of its notes."""

    def wait(self, now: float) -> float:
        """Seconds until the next may go."""
        self.left = min(BURST, self.left + (now - max(self.since, now - BURST * REFILL_S)) / REFILL_S)
        self.since = now
        short = max(0.0, 1.0 - self.left) * REFILL_S
        return max(short, self.not_before - now, 0.0)

    def afresh(self) -> None:
        """Something new is to be told: no wait for what has failed before."""
        self.tries, self.not_before = 0, -math.inf

    def gone(self) -> None:
        self.left, self.tries, self.not_before, self.error = self.left - 1.0, 0, -math.inf, None

    def failed(self, now: float, error: str) -> None:
        self.tries, self.error = self.tries + 1, error
        wait = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(self.tries - 1, 16))
        self.not_before = now + wait * random.uniform(0.5, 1.0)


@dataclass(slots=True)
class Notifier:
    """Sends the notes of an outbox on a thread of its own, each contact's in order: alerts first, then how the box is.

    `wake`, `close`: any thread.
    """

    outbox: SpillingOutbox
    contacts: Callable[[], Sequence[Contact]]
    clock: Clock
    send: Send
    _paces: dict[tuple[str, bool], _Pace] = field(default_factory=dict)
    """By contact and whether of the box's health: such notes use up nothing that an alert may need."""
    _taken: set[int] = field(default_factory=set)
    """Notes that a service has, while the disk does not take that down: they must not go again and again."""
    _stirred: threading.Event = field(default_factory=threading.Event)
    _closing: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="notify", daemon=True)
        self._thread.start()

    @property
    def last_error(self) -> str | None:
        """What stands in the way of some contact's notes; None: nothing."""
        return next((pace.error for pace in tuple(self._paces.values()) if pace.error), None)

    def wake(self) -> None:
        """There may be something to send."""
        self._stirred.set()

    def close(self, timeout: float = 20.0) -> None:
        """What is unsent stays in the outbox for the next run."""
        self._closing.set()
        self._stirred.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def send_due(self) -> float:
        """Send what may go now; the seconds until more may."""
        waits = [_LOOK_S]
        held: set[str] = set()
        for message in self._unsent():
            name, pace = message.topic.removeprefix(NOTE_PREFIX), self._pace(message)
            wait = pace.wait(self.clock.now())
            if name in held or self._closing.is_set():
                continue
            if wait > 0 or not self._sent(name, message, pace):
                held.add(name)
                waits.append(pace.wait(self.clock.now()))
        return min(waits)

    def _unsent(self) -> list[PendingMessage]:
        """The notes in their order; of the box's health only the newest: nobody needs to know how it was."""
        notes = sorted(self.outbox.notes(self.clock.wall()), key=lambda one: (one.alert_id == HEALTH, one.sequence))
        self._taken &= {message.seq for message in notes}
        for message in notes:
            pace = self._pace(message)
            if message.sequence > pace.newest:
                pace.newest = message.sequence
                if message.alert_id != HEALTH:
                    pace.afresh()
        unsent = []
        for message in notes:
            if message.seq in self._taken:
                self.outbox.mark_sent(message.seq, self.clock.wall())
            elif message.alert_id == HEALTH and message.sequence < self._pace(message).newest:
                self.outbox.give_up(message.seq)
            else:
                unsent.append(message)
        return unsent

    def _pace(self, message: PendingMessage) -> _Pace:
        name = message.topic.removeprefix(NOTE_PREFIX)
        return self._paces.setdefault((name, message.alert_id == HEALTH), _Pace())

    def _run(self) -> None:
        while not self._closing.is_set():
            wait = self.send_due()
            self._stirred.wait(max(wait, 0.05))
            self._stirred.clear()

    def _sent(self, name: str, message: PendingMessage, pace: _Pace) -> bool:
        contact = next((one for one in self.contacts() if one.name == name and one.notify_file), None)
        if contact is None or contact.notify_file is None:
            self.outbox.give_up(message.seq)
            return True
        try:
            title, text = json.loads(message.payload)
            send_to_first(self.send, addresses(contact.notify_file), Note(title, text))
        except (WireError, StoreError) as error:
            _log.warning("a note to a contact was not taken: %s", error)
            pace.failed(self.clock.now(), f"contact {name}: {error}")
            if pace.tries >= TRIES:
                _log.error("a note was not taken in %d tries; it is given up", TRIES)
                self.outbox.give_up(message.seq)
                pace.tries = 0
            return False
        pace.gone()
        self._taken.add(message.seq)
        self.outbox.mark_sent(message.seq, self.clock.wall())
        return True
