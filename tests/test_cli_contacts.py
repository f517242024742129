"""A family as it sets itself up: pair, test, listen, answer, look, revoke; by the commands, over a real Mosquitto."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from denwaban.alert.keys import UnitKey
from denwaban.alert.mqtt import MqttAlerts
from denwaban.alert.pairing import read_invitation
from denwaban.alerting import contacts_of, mqtt_settings
from denwaban.cli import main
from denwaban.clock import SystemClock
from denwaban.config import Config, load_config
from denwaban.events import FamilyAnswered, FamilyTold
from denwaban.paths import database_path, unit_key_path
from denwaban.store.contacts import ContactBook
from denwaban.store.files import prepare
from denwaban.store.outbox import SqliteOutbox
from tests.alert.alert_desk import an_alert
from tests.fixtures_broker import SKIP, Mosquitto, until

pytestmark = pytest.mark.broker
PROGRAM = [sys.executable, "-m", "denwaban"]


class Family:
    """A box's configuration, a folder for the contact's program, and the commands of both."""

    def __init__(self, folder: Path, broker: Mosquitto, stack: ExitStack) -> None:
        self.config_file, self.phone, self.stack = folder / "config.toml", folder / "phone", stack
        self.config_file.write_text(
            f'[unit]\nname = "box-1"\ndata_dir = "{folder / "box"}"\n'
            f'[alerts]\nhost = "{broker.host}"\nport = {broker.port}\n'
        )

    @property
    def config(self) -> Config:
        return load_config(self.config_file)

    @property
    def book(self) -> ContactBook:
        return ContactBook(database_path(self.config))

    def box(self, *words: str) -> int:
        return main([*words, "--config", str(self.config_file)])

    def contact(self, *words: str) -> int:
        return main(["contact", *words, "--profile", str(self.phone)])

    def started(self, *words: str) -> subprocess.Popen[str]:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        process = subprocess.Popen([*PROGRAM, *words], stdout=subprocess.PIPE, text=True, env=environment)

        def end() -> None:
            process.terminate()
            process.communicate(timeout=60)

        self.stack.callback(end)
        return process

    def invited(self, *words: str) -> tuple[subprocess.Popen[str], str]:
        """A box that shows a code, and the address it shows."""
        pairing = self.started("contacts", "pair", "daughter", *words, "--config", str(self.config_file))
        assert pairing.stdout is not None
        lines = iter(pairing.stdout.readline, "")
        return pairing, next(line.strip() for line in lines if line.startswith("denwaban:"))

    def listening(self, *words: str) -> subprocess.Popen[str]:
        listening = self.started("contact", "listen", *words, "--json", "--profile", str(self.phone))
        assert listening.stdout is not None
        assert json.loads(listening.stdout.readline()) == {"event": "listening"}
        return listening


@pytest.fixture
def family(tmp_path: Path) -> Iterator[Family]:
    if os.environ.get(SKIP) == "1":
        pytest.skip(f"{SKIP}=1")
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    broker = Mosquitto(folder)
    broker.start()
    with ExitStack() as stack:
        stack.callback(broker.stop)
        yield Family(tmp_path, broker, stack)


def _box_at_work(family: Family, told: list[object]) -> MqttAlerts:
    outbox = SqliteOutbox(database_path(family.config))
    family.stack.callback(outbox.close)
    box = MqttAlerts(
        settings=mqtt_settings(family.config),
        unit="box-1",
        contacts=contacts_of(family.config),
        key=UnitKey.load_or_create(unit_key_path(family.config)),
        outbox=outbox,
        clock=SystemClock(),
    )
    box.start(told.append)
    family.stack.callback(box.close)
    return box


def test_a_contact_pairs_is_tested_answers_an_alert_and_is_revoked(
    family: Family, capsys: pytest.CaptureFixture[str]
) -> None:
    pairing, url = family.invited("--role", "娘さん", "--detail", "words")
    assert family.contact("pair", url) == 0
    assert pairing.wait(60) == 0
    (kept,) = family.book.contacts()
    assert (kept.name, kept.role, kept.detail, kept.turn) == ("daughter", "娘さん", "words", 1)
    assert (family.phone / "profile.json").stat().st_mode & 0o777 == 0o600

    listening = family.listening()
    assert listening.stdout is not None
    assert family.box("contacts", "test", "daughter") == 0
    assert json.loads(listening.stdout.readline())["drill"] is True

    told: list[object] = []
    box = _box_at_work(family, told)
    box.submit(an_alert(), 1_750_000_000.0)
    shown = json.loads(listening.stdout.readline())
    assert (shown["id"], shown["number"], shown["transcript"]) == ("alert-1", "0312345678", [])
    until(lambda: len(told) == 1, "the receipt")
    assert family.contact("reply", "calling") == 0
    until(lambda: len(told) == 2, "the answer")
    assert isinstance(told[0], FamilyTold)
    assert isinstance(told[1], FamilyAnswered)
    assert (told[1].role, told[1].reply) == ("娘さん", "calling")
    until(lambda: box.status().pending == 0, "an empty outbox")

    capsys.readouterr()
    assert family.box("alerts", "show", "alert-1", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [(one["contact"], one["state"]) for one in found["messages"]] == [("daughter", "received"), (None, "sent")]
    assert [(one["contact"], one["reply"]) for one in found["answers"]] == [("daughter", "calling")]
    assert family.box("alerts", "list", "--json") == 0
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (first["id"], first["received"], first["open"]) == ("alert-1", ["daughter"], 0)
    assert family.box("alerts", "list") == 0
    assert family.box("alerts", "show", "alert-1") == 0
    assert "answered calling" in capsys.readouterr().out

    assert family.box("contacts", "revoke", "daughter") == 0
    box.submit(an_alert(2), 1_750_000_100.0)
    until(lambda: box.status().pending == 0, "the second alert to leave")
    assert {one.contact for one in family.book.deliveries("alert-2")} == {None}


def test_a_code_is_withdrawn_when_somebody_guesses_at_it(family: Family) -> None:
    pairing, url = family.invited()
    code = read_invitation(url).code
    outcome: list[int] = []
    wrong = url.replace(code, "A" * len(code))
    guess = threading.Thread(target=lambda: outcome.append(family.contact("pair", wrong)))
    guess.start()
    assert pairing.wait(60) == 1, "broken off after five wrong messages"
    guess.join(60)
    assert outcome == [1]
    assert family.book.contacts() == ()


def test_nobody_comes_and_the_code_ends(family: Family, capsys: pytest.CaptureFixture[str]) -> None:
    assert family.box("contacts", "pair", "daughter", "--minutes", "0.01") == 1
    assert "no longer good" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["contacts", "revoke", "nobody"], "contacts list"),
        (["contacts", "test", "nobody"], "contacts list"),
        (["contacts", "pair", "a/b"], "letters, digits"),
        (["contacts", "pair", "a", "--hours", "late"], "--hours"),
        (["contacts", "pair", "a", "--turn", "0"], "--turn"),
        (["alerts", "show", "nothing"], "alerts list"),
    ],
)
def test_mistakes_say_the_way_out(
    family: Family, words: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(database_path(family.config))
    assert family.box(*words) == 1
    assert what in capsys.readouterr().err


def test_a_test_message_that_nobody_confirms_is_told(family: Family, capsys: pytest.CaptureFixture[str]) -> None:
    pairing, url = family.invited()
    assert family.contact("pair", url) == 0
    assert pairing.wait(60) == 0
    assert family.box("contacts", "test", "daughter", "--seconds", "0.5") == 1
    assert "did not confirm" in capsys.readouterr().err
    assert family.box("contacts", "list") == 0
    assert "pairing" in capsys.readouterr().out


def test_an_unpaired_phone_says_what_to_do(family: Family, capsys: pytest.CaptureFixture[str]) -> None:
    assert family.contact("reply", "calling") == 1
    assert "contact pair" in capsys.readouterr().err
    family.phone.mkdir(exist_ok=True)
    (family.phone / "profile.json").write_text("{}")
    assert family.contact("reply", "calling") == 1
    assert "pair again" in capsys.readouterr().err
