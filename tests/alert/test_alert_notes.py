"""Notes: in order, not too often, never lost, and with nothing in them that a carrier should not read."""

from __future__ import annotations

import email
import email.policy
import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from denwaban.alert.apprise_sender import apprise_sender
from denwaban.alert.keys import public_text
from denwaban.alert.notify import BURST, REFILL_S, TRIES, Note, Notifier, alert_note, health_note, note_message
from denwaban.alert.outbox import HEALTH, SpillingOutbox
from denwaban.alert.settings import Contact, MqttSettings, Patience
from denwaban.alert.words import known_categories
from denwaban.effects import ReportHealth
from denwaban.errors import ConfigError, StoreError, WireError
from denwaban.events import CallerId, Evidence, Level
from denwaban.store.contacts import ContactBook
from denwaban.store.outbox import SqliteOutbox
from tests.alert.alert_desk import BrokenOutbox, Desk, an_alert
from tests.fakes.ports import FakeClock
from tests.fixtures_broker import Mosquitto, free_port, until

NOBODY = MqttSettings(host="")


@dataclass
class Service:
    """Takes notes, or refuses them; `kept`: (address, title)."""

    kept: list[tuple[str, str]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)

    def send(self, url: str, note: Note) -> None:
        if url in self.refused:
            raise WireError("not now")
        self.kept.append((url, note.title))


@dataclass
class Notes:
    """An outbox with notes for contacts, and who sends them."""

    path: Path
    service: Service = field(default_factory=Service)
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.contacts = [self.contact(name) for name in ("musume", "musuko")]
        self.open()

    def contact(self, name: str, *urls: str) -> Contact:
        file = self.path / name
        file.write_text("# where to\n\n" + "\n".join(urls or [f"{name}://"]) + "\n")
        return Contact(name, notify_file=file)

    def open(self) -> None:
        self.disk = SqliteOutbox(self.path / "box.sqlite")
        self.outbox = SpillingOutbox(self.disk)
        self.notifier = Notifier(self.outbox, lambda: self.contacts, self.clock, self.service.send)

    def put(self, n: int, *contacts: Contact, turn: int = 0) -> None:
        self.outbox.put(
            alert_id=f"a{n}",
            event="new",
            level=Level.ALERT,
            sequence=n,
            messages=[note_message(one, Note(f"{one.name} {n}", ""), turn) for one in contacts or self.contacts],
            created_at=1.0,
            expires_at=None,
        )

    def put_health(self, n: int) -> None:
        """That the box is deaf, well, deaf …: a note for the first contact."""
        self.outbox.put(
            alert_id=HEALTH,
            event="deaf",
            level=Level.ALERT,
            sequence=n,
            messages=[note_message(self.contacts[0], Note(f"musume health {n}", ""))],
            created_at=1.0,
            expires_at=None,
        )

    def titles(self, name: str) -> list[str]:
        return [title for _url, title in self.service.kept if title.startswith(name)]


@pytest.fixture
def notes(tmp_path: Path) -> Iterator[Notes]:
    made = Notes(tmp_path)
    yield made
    made.disk.close()


def test_notes_go_in_order_and_not_more_often_than_people_and_services_bear(notes: Notes) -> None:
    for n in range(BURST + 2):
        notes.put(n)
    assert notes.notifier.send_due() == pytest.approx(60.0), "it looks again after a minute at the latest"
    assert notes.titles("musume") == [f"musume {n}" for n in range(BURST)]
    assert notes.titles("musuko") == [f"musuko {n}" for n in range(BURST)]
    notes.notifier.send_due()
    assert len(notes.service.kept) == 2 * BURST
    for more in (1, 2):
        notes.clock.advance(REFILL_S)
        notes.notifier.send_due()
        assert notes.titles("musume") == [f"musume {n}" for n in range(BURST + more)]
    assert notes.outbox.notes(0.0) == ()
    assert notes.disk._connection.execute("SELECT DISTINCT payload FROM outbox").fetchall() == [(b"",)]


def test_a_service_that_refuses_is_asked_again_and_holds_up_its_own_contact_only(notes: Notes) -> None:
    notes.service.refused.add("musume://")
    notes.put(1)
    notes.put(2)
    notes.notifier.send_due()
    assert notes.titles("musuko") == ["musuko 1", "musuko 2"]
    assert notes.notifier.last_error == "contact musume: not now"
    notes.service.refused.clear()
    notes.notifier.send_due()
    assert notes.titles("musume") == [], "it waits before it tries again"
    notes.clock.advance(31.0)
    notes.notifier.send_due()
    assert notes.titles("musume") == ["musume 1", "musume 2"]
    assert notes.notifier.last_error is None


def test_a_new_alert_ends_the_wait_after_failures_and_goes_after_the_older_ones(notes: Notes) -> None:
    notes.service.refused.add("musume://")
    notes.put(1, notes.contacts[0])
    for _ in range(8):
        notes.notifier.send_due()
        notes.clock.advance(3700.0)
    notes.notifier.send_due()
    notes.service.refused.clear()
    notes.notifier.send_due()
    assert notes.titles("musume") == [], "it waits for up to an hour"
    notes.put(2, notes.contacts[0])
    notes.notifier.send_due()
    assert notes.titles("musume") == ["musume 1", "musume 2"]


def test_an_alert_waits_neither_behind_notes_of_health_nor_for_their_pace(notes: Notes) -> None:
    for n in range(1, 20):
        notes.put_health(n)
        notes.notifier.send_due()
    assert len(notes.titles("musume")) == BURST
    notes.put(20, notes.contacts[0])
    notes.notifier.send_due()
    assert notes.titles("musume")[BURST:] == ["musume 20"]


def test_an_alert_goes_before_a_note_of_health_that_is_older(notes: Notes) -> None:
    notes.put_health(1)
    for n in range(2, BURST + 3):
        notes.put(n, notes.contacts[0])
    notes.notifier.send_due()
    assert notes.titles("musume") == [f"musume {n}" for n in range(2, BURST + 2)], "nor while an alert waits"
    notes.clock.advance(REFILL_S)
    notes.notifier.send_due()
    assert notes.titles("musume")[BURST:] == [f"musume {BURST + 2}", "musume health 1"]


def test_an_alert_does_not_wait_until_a_failing_note_of_health_is_tried_again(notes: Notes) -> None:
    notes.service.refused.add("musume://")
    notes.put_health(1)
    for _ in range(8):
        notes.notifier.send_due()
        notes.clock.advance(3700.0)
    notes.notifier.send_due()
    notes.service.refused.clear()
    notes.put(2, notes.contacts[0])
    notes.notifier.send_due()
    assert notes.titles("musume") == ["musume 2"]


def test_of_the_notes_of_health_that_wait_only_the_newest_is_told(notes: Notes) -> None:
    notes.service.refused.add("musume://")
    for n in (1, 2, 3):
        notes.put_health(n)
        notes.notifier.send_due()
    assert len(notes.outbox.notes(0.0)) == 1
    notes.service.refused.clear()
    notes.clock.advance(3700.0)
    notes.notifier.send_due()
    notes.clock.advance(3700.0)
    notes.notifier.send_due()
    assert notes.titles("musume") == ["musume health 3"]


def test_a_note_of_health_in_memory_ends_an_older_one_on_the_disk(notes: Notes) -> None:
    notes.service.refused.add("musume://")
    notes.put_health(1)
    disk, notes.outbox._disk = notes.outbox._disk, BrokenOutbox()  # type: ignore[assignment]
    notes.put_health(2)
    notes.outbox._disk = disk
    notes.notifier.send_due()
    notes.service.refused.clear()
    notes.clock.advance(3700.0)
    notes.notifier.send_due()
    assert notes.titles("musume") == ["musume health 2"]
    assert notes.outbox.notes(0.0) == ()


def test_a_note_in_memory_for_a_contact_who_is_gone_is_given_up(notes: Notes) -> None:
    disk, notes.outbox._disk = notes.outbox._disk, BrokenOutbox()  # type: ignore[assignment]
    notes.put(1)
    notes.outbox._disk, notes.contacts = disk, []
    notes.notifier.send_due()
    assert notes.outbox.notes(0.0) == ()


def test_a_note_that_nobody_ever_takes_is_given_up_in_the_end(notes: Notes) -> None:
    notes.service.refused.add("musume://")
    notes.put(1, notes.contacts[0])
    for _ in range(TRIES):
        notes.notifier.send_due()
        notes.clock.advance(3700.0)
    assert notes.outbox.notes(0.0) == ()
    assert [row.ended for row in ContactBook(notes.path / "box.sqlite").deliveries()] == ["expired"]


def test_addresses_are_tried_in_order_until_one_takes_it(notes: Notes) -> None:
    notes.contacts = [notes.contact("musume", "line://", "mailto://", "ntfy://")]
    notes.service.refused.add("line://")
    notes.put(1)
    notes.notifier.send_due()
    assert notes.service.kept == [("mailto://", "musume 1")]


@pytest.mark.parametrize("content", [None, b"", b"# nothing\n", b"\xff\xfe"])
def test_an_unusable_address_file_is_told_and_loses_nothing(notes: Notes, content: bytes | None) -> None:
    file = notes.contacts[0].notify_file
    assert file is not None
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    notes.put(1, notes.contacts[0])
    notes.notifier.send_due()
    assert str(file) in str(notes.notifier.last_error)
    file.write_text("musume://")
    notes.clock.advance(31.0)
    notes.notifier.send_due()
    assert notes.titles("musume") == ["musume 1"]


def test_notes_survive_a_restart_and_are_not_sent_twice(notes: Notes) -> None:
    notes.put(1)
    notes.service.refused.add("musuko://")
    notes.notifier.send_due()
    notes.disk.close()
    notes.open()
    notes.service.refused.clear()
    notes.notifier.send_due()
    assert sorted(notes.service.kept) == [("musuko://", "musuko 1"), ("musume://", "musume 1")]


def test_a_contact_who_is_gone_gets_nothing_any_more(notes: Notes) -> None:
    notes.put(1)
    notes.contacts = []
    notes.notifier.send_due()
    assert notes.service.kept == []
    assert notes.outbox.notes(0.0) == ()


def test_a_full_disk_does_not_keep_a_note_back(tmp_path: Path) -> None:
    made = Notes(tmp_path)
    made.disk.close()
    made.outbox = made.notifier.outbox = SpillingOutbox(BrokenOutbox())  # type: ignore[arg-type]
    made.put(1)
    made.notifier.send_due()
    made.notifier.send_due()
    assert sorted(title for _url, title in made.service.kept) == ["musuko 1", "musume 1"]


class ForgetfulOutbox(SqliteOutbox):
    """Its disk is full: it keeps what it has, and takes nothing down."""

    full = True

    def mark_sent(self, seq: int, at: float) -> None:
        if self.full:
            raise StoreError("disk full")
        super().mark_sent(seq, at)


def test_a_disk_that_does_not_take_down_that_a_note_has_gone_does_not_send_it_again(notes: Notes) -> None:
    notes.disk.close()
    notes.disk = disk = ForgetfulOutbox(notes.path / "box.sqlite")
    notes.outbox = notes.notifier.outbox = SpillingOutbox(disk)
    notes.put(1)
    for _ in range(4):
        notes.notifier.send_due()
        notes.clock.advance(REFILL_S)
    assert len(notes.service.kept) == 2
    disk.full = False
    notes.notifier.send_due()
    assert notes.outbox.notes(0.0) == ()


# --- what they say ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("category", [*sorted(known_categories()), ""])
def test_a_note_says_what_to_do_and_nothing_of_the_call(category: str, language: str) -> None:
    alert = replace(
        an_alert(),
        category=category,
        caller=CallerId("0312345678"),
        evidence=(Evidence("ひみつ", 0.9),),
        transcript=(("far", "ひみつのことば"),),
    )
    note = alert_note(alert, 1_750_000_000.0, language, drill=False)
    assert "ひみつ" not in note.title + note.text
    assert "0312345678" not in note.title + note.text
    assert "00:06" in note.text, "in Japanese time"
    assert len(note.title) <= 60
    assert "\n" not in note.title
    drill = alert_note(alert, 1.0, language, drill=True)
    assert drill.title.startswith(("【訓練】", "[drill]"))


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_note_of_health_says_which_part_is_out_of_order(language: str) -> None:
    notes = [health_note("deaf", "line", language), health_note("deaf", "speech", language)]
    notes.append(health_note("well", "speech", language))
    assert len({note.title for note in notes}) == 3
    assert health_note("well", "line", language) == notes[2]


# --- the alert stage -----------------------------------------------------------------------------------------------


def _noted(desk: Desk, name: str, **more: object) -> Contact:
    file = desk.folder / f"{name}.notes"
    file.write_text(f"{name}://\n")
    return Contact(name, notify_file=file, **more)


def test_without_a_broker_contacts_get_a_note_for_each_alert_and_one_when_the_box_is_deaf(desk: Desk) -> None:
    service = Service()
    alerts = desk.alerts(NOBODY, contacts=[_noted(desk, "musume")], send_note=service.send)
    alerts.report(ReportHealth("well", "line"), 1.0)
    alerts.submit(an_alert(1), 1.0)
    alerts.submit(an_alert(1, "update"), 2.0)
    alerts.submit(an_alert(1, "end"), 3.0)
    until(lambda: len(service.kept) == 1, "the alert's note")
    book = ContactBook(desk.folder / "calls.sqlite")
    until(
        lambda: [(row.channel, row.ended) for row in book.deliveries()] == [("note", "sent")], "that it is taken down"
    )
    alerts.report(ReportHealth("deaf", "line"), 4.0)
    until(lambda: len(service.kept) == 2, "the note that it is deaf")
    alerts.report(ReportHealth("well", "line"), 5.0)
    until(lambda: len(service.kept) == 3, "the note that it is well")
    assert [title for _url, title in service.kept] == [
        "電話番: 還付金があると言ってATMへ誘う詐欺の疑い",
        health_note("deaf", "line", "ja").title,
        health_note("well", "line", "ja").title,
    ]
    until(lambda: alerts.status().pending == 0, "the notes to be written off")


def test_without_a_broker_the_next_turn_gets_its_note_later(desk: Desk) -> None:
    service, clock = Service(), FakeClock()
    family = [_noted(desk, "musume"), _noted(desk, "musuko", turn=2)]
    alerts = desk.alerts(NOBODY, contacts=family, clock=clock, send_note=service.send)
    alerts.submit(an_alert(1), 1.0)
    until(lambda: [url for url, _title in service.kept] == ["musume://"], "the first note")
    clock.advance(31.0)
    until(lambda: [url for url, _title in service.kept] == ["musume://", "musuko://"], "the second note")


@pytest.mark.broker
def test_a_note_waits_for_its_turn_and_is_not_sent_when_somebody_has_answered(desk: Desk, mosquitto: Mosquitto) -> None:
    service, settings = Service(), desk.settings(mosquitto.port)
    family = [Contact("musume", "娘さん", public_text(desk.contact_key)), _noted(desk, "musuko", turn=2)]
    client = desk.contact(settings)
    patience = Patience(receipt_s=20.0, reply_s=0.5)
    alerts = desk.alerts(settings, contacts=family, patience=patience, send_note=service.send)
    alerts.submit(an_alert(1), 1.0)
    desk.wait_received(1)
    until(lambda: len(service.kept) == 1, "the note after nobody has answered")
    alerts.submit(an_alert(2), 2.0)
    desk.wait_received(2)
    client.answer(desk.received[1], "calling")
    book = ContactBook(desk.folder / "calls.sqlite")
    ends = lambda: {row.contact: row.ended for row in book.deliveries("alert-2")}  # noqa: E731
    until(lambda: ends() == {"musume": "received", "musuko": "answered", None: "sent"}, "the answer")
    assert len(service.kept) == 1


# --- real services ---------------------------------------------------------------------------------------------------


class Mailbox:
    """Keeps what a real SMTP server receives; says no while `full`."""

    def __init__(self) -> None:
        self.letters: list[email.message.EmailMessage] = []
        self.full = False

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        if self.full:
            return "452 Insufficient system storage"
        content = envelope.content
        assert isinstance(content, bytes)
        self.letters.append(email.message_from_bytes(content, policy=email.policy.default))
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box, port = Mailbox(), free_port()
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    yield box, port
    server.stop()


@pytest.fixture
def receiver() -> Iterator[tuple[list[dict[str, object]], int]]:
    """A real HTTP server that keeps the JSON it is sent."""
    kept: list[dict[str, object]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(503 if self.path == "/busy" else 200)
            self.end_headers()
            if self.path != "/busy":
                kept.append(body)

        def log_message(self, *_values: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield kept, server.server_port
    server.shutdown()
    server.server_close()
    thread.join(10)


def mailto(port: int, name: str = "musume") -> str:
    """An address of Apprise for a mailbox."""
    return f"mailto://127.0.0.1:{port}/?from=box@example.jp&to={name}@example.jp&mode=insecure"


def test_an_alert_arrives_as_an_e_mail_and_after_a_refusal_once_more(desk: Desk, mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    (desk.folder / "notes").write_text(mailto(port) + "\n")
    contact, clock = Contact("musume", notify_file=desk.folder / "notes"), FakeClock()
    box.full = True
    alerts = desk.alerts(NOBODY, contacts=[contact], clock=clock, send_note=apprise_sender())
    alerts.submit(an_alert(1), 1_750_000_000.0)
    until(lambda: alerts.status().last_error, "the refusal")
    assert "mailto" in str(alerts.status().last_error)
    assert "127.0.0.1" not in str(alerts.status().last_error), "an address may hold a password"
    box.full = False
    clock.advance(31.0)
    alerts._notifier.wake()
    until(lambda: box.letters, "the letter")
    (letter,) = box.letters
    assert letter["Subject"] == "電話番: 還付金があると言ってATMへ誘う詐欺の疑い"
    assert letter["To"] == "musume@example.jp"
    text = letter.get_body(("plain",)).get_content()
    assert "ATM" in text
    assert "0312345678" not in letter.as_string()
    until(lambda: alerts.status().pending == 0, "the note to be written off")


def test_an_alert_arrives_at_an_http_service_and_the_first_that_takes_it_is_enough(
    desk: Desk, receiver: tuple[list[dict[str, object]], int], mailbox: tuple[Mailbox, int]
) -> None:
    kept, port = receiver
    box, mail_port = mailbox
    urls = [f"json://127.0.0.1:{port}/busy", f"json://127.0.0.1:{port}/notes", mailto(mail_port)]
    (desk.folder / "notes").write_text("\n".join(urls))
    contact = Contact("musume", notify_file=desk.folder / "notes")
    alerts = desk.alerts(NOBODY, contacts=[contact], drill=True, send_note=apprise_sender())
    alerts.submit(an_alert(1), 1.0)
    alerts.submit(an_alert(2), 2.0)
    until(lambda: len(kept) == 2, "two notes")
    assert [note["title"] for note in kept] == ["【訓練】電話番: 還付金があると言ってATMへ誘う詐欺の疑い"] * 2
    assert box.letters == []


@pytest.mark.parametrize("url", ["nonsense", "nosuch://x", "mailto://", "json://127.0.0.1:1/x"])
def test_an_address_that_does_not_work_is_told_without_being_written_down(url: str) -> None:
    with pytest.raises(WireError) as told:
        apprise_sender()(url, Note("t", "x"))
    assert url not in str(told.value)


def test_without_apprise_the_way_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=r"denwaban\[notify\]"):
        apprise_sender()


def test_a_broken_disk_is_a_store_error(tmp_path: Path) -> None:
    outbox = SqliteOutbox(tmp_path / "box.sqlite")
    outbox.close()
    with pytest.raises(StoreError):
        outbox.notes(0.0)
