"""A drill: a rehearsed scam call through the virtual line and the real chain to the contacts, marked as a drill.

It runs beside the box at work: with a folder of its own, the box's key and contacts, the box's broker. `local` needs
none of these: a broker (Mosquitto, where it is installed) and a contact's program that pairs and answers come with it.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from denwaban.alert.mosquitto import find_mosquitto
from denwaban.alerting import contacts_of
from denwaban.config import Config, PanelConfig, ScreeningConfig
from denwaban.drill_family import local_family
from denwaban.effects import Effect, Warn
from denwaban.errors import ConfigError
from denwaban.events import Event, FamilyAnswered, FamilyTold, Level, Reply
from denwaban.paths import database_path, push_key_path, unit_key_path
from denwaban.rehearsal import Record, Rehearsal, Report
from denwaban.shipped import shipped_calls
from denwaban.sim.callfile import load_call
from denwaban.store.contacts import ContactBook
from denwaban.store.files import prepare
from denwaban.store.push import PushBook

CALL: Final = "telecom-stop"
ANSWER: Final[Reply] = "calling"
"""Of the contact that a local drill brings along."""


@dataclass(frozen=True, slots=True)
class DrillResult:
    """Who confirmed and who answered, with the seconds of line time since the alert; and what was spoken of it."""

    broker: str
    alerted: bool
    received: tuple[tuple[str, float], ...]
    answered: tuple[tuple[str, str, float], ...]
    spoken: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Somebody confirmed, somebody answered, and the household heard it."""
        return self.alerted and bool(self.received) and bool(self.answered) and bool(self.spoken)


class _Notes:
    """What the box did with the family. Written on the box's main thread, read after `over`."""

    def __init__(self) -> None:
        self.received: list[tuple[str, float]] = []
        self.answered: list[tuple[str, str, float]] = []
        self.spoken: list[str] = []
        self.over = threading.Event()

    def see(self, happening: Event | Effect) -> None:
        match happening:
            case FamilyTold(_, role, age_s):
                self.received.append((role, round(age_s, 3)))
            case FamilyAnswered(_, role, reply, age_s):
                self.answered.append((role, reply, round(age_s, 3)))
            case Warn(prompt) if prompt.startswith(("who_", "does_")):
                self.spoken.append(prompt)
                if self.received and self.answered and prompt.startswith("does_"):
                    self.over.set()
            case _:
                pass


def run_drill(config: Config, report: Report, *, local: bool, speed: float, wait_s: float) -> DrillResult:
    """Play the call, then wait up to `wait_s` real seconds for a receipt and an answer. Raises DenwabanError."""
    notes, call, lock = _Notes(), load_call(shipped_calls() / CALL), threading.Lock()

    def in_turn(record: Record) -> None:
        with lock:
            report(record)

    with tempfile.TemporaryDirectory(prefix="denwaban-drill-") as name, ExitStack() as stack:
        folder = Path(name)
        program = find_mosquitto() if local else None
        if program is not None:
            there = stack.enter_context(local_family(program, folder, ANSWER, in_turn))
            broker, family = "mosquitto of its own: TLS, passwords, access rules", _moved(there, there.data_dir, config)
        elif local:
            broker, family = "built in: neither TLS nor passwords (Mosquitto is not installed)", None
        else:
            broker, family = f"{config.alerts.host}:{config.alerts.port}", _family(config, folder)
        box = Rehearsal(
            *(folder, config.models_dir, [call], speed, in_turn),
            family=family,
            drill=True,
            reply=ANSWER,
            see=notes.see,
        )
        with box as rehearsal:
            (result,) = rehearsal.run()
            notes.over.wait(wait_s)
    alerted = result.level is Level.ALERT
    return DrillResult(broker, alerted, tuple(notes.received), tuple(notes.answered), tuple(notes.spoken))


def lend_subscriptions(config: Config, database: Path) -> None:
    """Where the box's contacts are woken, for a database of a drill or a test."""
    book = PushBook(database)
    try:
        for one in ContactBook(database_path(config)).subscriptions():
            book.subscribe(one)
    finally:
        book.close()


def _family(config: Config, folder: Path) -> Config:
    """The box's broker and contacts for a box in another folder, with the same key: contacts have pinned it."""
    if not config.alerts.host:
        way_out = "try `denwaban contacts test NAME` for notes, or `denwaban drill --local`"
        raise ConfigError("drill", (f"alerts.host: is empty, so nobody can answer; {way_out}",))
    if not any(contact.public_jwk for contact in contacts_of(config)()):
        raise ConfigError("drill", ("no contact with a key: `denwaban contacts pair NAME`, or --local",))
    for key in (unit_key_path(config), push_key_path(config)):
        if key.is_file():
            shutil.copy(key, folder / key.name)
    there = _moved(config, folder, config)
    prepare(database_path(there))
    for contact in ContactBook(database_path(config)).contacts():
        ContactBook(database_path(there)).put(contact)
    lend_subscriptions(config, database_path(there))
    return there


def _moved(family: Config, folder: Path, box: Config) -> Config:
    """That family's configuration for a box with its data in `folder` and the models of `box`."""
    return replace(
        family,
        unit=replace(family.unit, data_dir=str(folder)),
        speech=replace(box.speech, models_dir=str(box.models_dir)),
        screening=ScreeningConfig(),  # the swindler's number may be on the household's lists by now
        panel=PanelConfig(),  # lamps and buttons stay with the box at work
    )
