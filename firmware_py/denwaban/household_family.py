"""The family on the household's page: who is told, what became of an alert, errands that reach for a telephone."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from denwaban.config import Config, ContactConfig
from denwaban.errands import Errand, Errands
from denwaban.errors import StoreError
from denwaban.household_ready import ready
from denwaban.paths import database_path, drills_path
from denwaban.store.contacts import ContactBook
from denwaban.store.keeping import RUNNING_S
from denwaban.store.reading import CallReader
from denwaban.store.rows import Delivery
from denwaban.web.family_port import (
    AlertNews,
    ContactLine,
    DrillRecord,
    ErrandKind,
    ErrandNews,
    ErrandState,
    Reply,
    Terms,
    Told,
)
from denwaban.web.port import Refused

PAIR_MINUTES: Final = 10
_STEPS: Final = {
    "call_started": "rings",
    "alert_decided": "alert",
    "contact_confirmed": "confirmed",
    "contact_answered": "answered",
}
_LAST_BYTES: Final = 4096


def contact_lines(config: Config) -> tuple[ContactLine, ...]:
    """All contacts, in the order in which they are told; of one name the paired one counts. Raises Unavailable."""
    lines = {
        one.name: ContactLine(one.name, one.role, _configured_detail(one), one.hours, one.turn, paired=False)
        for one in config.contacts
    }
    path = database_path(config)
    if path.is_file():
        with ready(path):
            for one in ContactBook(path).contacts():
                lines[one.name] = ContactLine(one.name, one.role, one.detail, one.hours, one.turn, paired=True)
    return tuple(sorted(lines.values(), key=lambda one: one.turn))


def _configured_detail(contact: ContactConfig) -> str:
    if contact.key_file:
        return contact.detail
    return "notes" if contact.notify_file else "none"


class StoredFamily:
    """A `web.family_port.Family`."""

    def __init__(
        self, config: Config, errands: Errands, wall: Callable[[], float], passwords: Path | None = None
    ) -> None:
        """`passwords`: where `deploy/broker-users` keeps the contacts' passwords at the broker."""
        self._config = config
        self._passwords = passwords
        self._path = database_path(config)
        self._errands = errands
        self._wall = wall

    def contacts(self) -> tuple[ContactLine, ...]:
        return contact_lines(self._config)

    def alert(self, call_id: str) -> AlertNews:
        with ready(self._path):
            book = ContactBook(self._path)
            rows = [row for row in book.deliveries(call_id) if row.contact is not None]
            answers = [one for one in book.answers() if one.alert_id == call_id]
        roles = {one.name: one.role or one.name for one in self.contacts()}
        told = (
            _told(roles.get(name, name), [row for row in rows if row.contact == name])
            for name in dict.fromkeys(row.contact for row in rows if row.contact)
        )
        return AlertNews(
            tuple(told), tuple(Reply(roles.get(one.contact, one.contact), one.reply, one.at) for one in answers)
        )

    def revoke(self, name: str) -> bool:
        with ready(self._path):
            return ContactBook(self._path).remove(name)

    def last_drill(self) -> DrillRecord | None:
        try:
            with drills_path(self._config).open("rb") as file:
                file.seek(max(0, file.seek(0, 2) - _LAST_BYTES))
                last = json.loads(file.read().splitlines()[-1])
            return DrillRecord(float(last["at"]), bool(last["ok"]))
        except (OSError, ValueError, LookupError, TypeError):
            return None

    # --- errands ---------------------------------------------------------------------------------------------------

    def pair(self, terms: Terms) -> None:
        if not self._config.alerts.host:
            raise Refused("pair_no_broker")
        words = ("contacts", "pair", terms.name, f"--role={terms.role}", f"--detail={terms.detail}")
        more = (f"--turn={terms.turn}", f"--hours={terms.hours}", f"--minutes={PAIR_MINUTES}")
        self._start("pair", (terms.name, terms.role), (*words, *more, *self._password(terms.name)))

    def test(self, name: str) -> None:
        found = next((one for one in self.contacts() if one.name == name), None)
        if found is None:
            raise Refused("contact_gone")
        if found.detail == "none":
            raise Refused("test_no_key")
        self._start("test", (found.name, found.role or found.name), ("contacts", "test", found.name))

    def drill(self) -> None:
        if not self._config.alerts.host or all(one.detail in ("none", "notes") for one in self.contacts()):
            raise Refused("drill_no_contact")
        if self._call_runs():
            raise Refused("drill_call")
        self._start("drill", ("", ""), ("drill", "--json"))

    def errand(self, kind: ErrandKind) -> ErrandNews | None:
        errand = self._errands.now(kind)
        if errand is None:
            return None
        news = _NEWS[kind](errand)
        by_note = kind == "test" and any(one.name == news.name and one.detail == "notes" for one in self.contacts())
        return replace(news, state="taken") if by_note and news.state == "done" else news

    def stop(self, kind: ErrandKind) -> None:
        self._errands.stop(kind)

    def close(self) -> None:
        self._errands.close()

    def _start(self, kind: ErrandKind, about: tuple[str, str], words: Sequence[str]) -> None:
        try:
            started = self._errands.start(kind, about, words)
        except OSError as error:
            raise Refused("failed") from error
        if not started:
            raise Refused("errand_runs")

    def _password(self, name: str) -> tuple[str, ...]:
        if self._passwords is None:
            return ()
        file = self._passwords / f"{name}.broker-password"
        return (f"--broker-password={file}",) if os.access(file, os.R_OK) else ()

    def _call_runs(self) -> bool:
        """A drill takes the processor that the call at hand needs."""
        try:
            calls = CallReader(self._path).calls(1)
        except StoreError:
            return False
        return any(call.closed_at is None and self._wall() - call.opened_at < RUNNING_S for call in calls)


def _told(who: str, rows: Sequence[Delivery]) -> Told:
    received = [row.received_at for row in rows if row.received_at is not None]
    sent = [row.sent_at for row in rows if row.sent_at is not None]
    if received:
        return Told(who, "received", min(received))
    if sent:
        return Told(who, "sent", min(sent))
    if all(row.ended for row in rows):
        return Told(who, "given_up", None)
    return Told(who, "turn" if any(row.turn > 0 for row in rows) else "waiting", None)


# --- what the commands say -----------------------------------------------------------------------------------------


def _pair_news(errand: Errand) -> ErrandNews:
    link = next((line for line in errand.lines if "pair?" in line), "")
    until = errand.began_at + 60.0 * PAIR_MINUTES
    if errand.status is None:
        return ErrandNews("pair", *errand.about, "waiting" if link else "starting", link, until)
    return ErrandNews("pair", *errand.about, _end(errand, nobody=bool(link)))


def _test_news(errand: Errand) -> ErrandNews:
    return ErrandNews("test", *errand.about, "waiting" if errand.status is None else _end(errand, nobody=True))


def _drill_news(errand: Errand) -> ErrandNews:
    steps = tuple(dict.fromkeys(_steps(errand.lines)))
    happened = {what for what, _who, _reply in steps}
    if errand.status is None:
        state: ErrandState = "answered" if "answered" in happened else "waiting" if "alert" in happened else "starting"
    else:
        state = _end(errand, nobody="alert" in happened)
    return ErrandNews("drill", *errand.about, state, steps=steps)


def _end(errand: Errand, *, nobody: bool) -> ErrandState:
    if errand.status == 0:
        return "done"
    if errand.broken_off:
        return "stopped"
    return "nobody" if nobody else "failed"


def _steps(lines: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    for line in lines:
        try:
            record: dict[str, Any] = json.loads(line)
        except ValueError:
            continue
        if what := _STEPS.get(str(record.get("event"))):
            yield what, str(record.get("role", "")), str(record.get("reply", ""))


_NEWS: Final[dict[ErrandKind, Callable[[Errand], ErrandNews]]] = {
    "pair": _pair_news,
    "test": _test_news,
    "drill": _drill_news,
}
