"""Alerts are handed to push services until those have them, and no longer than that is of use."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from denwaban.alert.keys import UnitKey, new_private_key
from denwaban.alert.outbox import Message
from denwaban.alert.push import PushSender
from denwaban.alert.webpush import Subscription, public_key
from denwaban.events import Level
from denwaban.store.contacts import ContactBook
from denwaban.store.outbox import SqliteOutbox
from denwaban.store.push import PushBook
from tests.alert.push_service import Browser, PushService, push_service
from tests.fixtures_broker import until

AT = 1_750_000_000.0
KEY = UnitKey(new_private_key())


class SetClock:
    """A clock that is moved by hand."""

    at = 0.0

    def now(self) -> float:
        return self.at

    def wall(self) -> float:
        return AT + self.at

    def wait_hint(self, _deadline: float) -> float:
        return 0.0


class Bench:
    """A box's database, a browser that is subscribed, and the sender between."""

    def __init__(self, folder: Path, service: PushService) -> None:
        self.path = folder / "calls.sqlite"
        self.outbox, self.service = SqliteOutbox(self.path), service
        self.browser, self.clock = Browser(), SetClock()
        self.sender = PushSender(PushBook(self.path), KEY, "https://family.example/", self.clock)
        told = self.browser.keys()
        self.sender.subscribe(Subscription("musume", service.endpoint, told["p256dh"], told["auth"], 1))
        self.sender.start()

    def put(self, sequence: int) -> None:
        message = Message("topic", b"whole", "musume", f"receipt-{sequence}", push=b"push %d" % sequence)
        self.outbox.put(
            **{"alert_id": f"alert-{sequence}", "event": "new", "level": Level.ALERT, "sequence": sequence},
            **{"messages": [message], "created_at": self.clock.wall(), "expires_at": None},
        )
        self.sender.wake()

    def due(self) -> int:
        book = PushBook(self.path)
        try:
            return len(book.due(0))
        finally:
            book.close()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with push_service(tmp_path) as service:
        monkeypatch.setenv("SSL_CERT_FILE", str(service.certificate))
        bench = Bench(tmp_path, service)
        yield bench
        bench.sender.close()
        bench.outbox.close()


def test_a_push_arrives_at_the_browser_and_is_sent_once(bench: Bench) -> None:
    bench.put(1)
    pushed = bench.service.next()
    assert bench.browser.decrypt(pushed.body) == b"push 1"
    assert (pushed.headers["TTL"], pushed.headers["Urgency"]) == ("86400", "high")
    assert pushed.key == public_key(KEY.jwk)
    assert pushed.sender["aud"] == bench.service.endpoint.partition("/push")[0]
    until(lambda: bench.due() == 0, "the end of it")
    bench.put(2)
    assert bench.browser.decrypt(bench.service.next().body) == b"push 2"
    assert bench.service.pushed.empty()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_service_that_is_busy_is_asked_again_when_it_says(
    bench: Bench, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    bench.service.answers.put((status, {"Retry-After": "120"}))
    bench.put(1)
    bench.service.next()
    until(lambda: "tried again in 120 s" in caplog.text, "the sender to have read the answer")
    bench.clock.at = 110.0
    bench.sender.wake()
    bench.put(2)
    assert bench.browser.decrypt(bench.service.next().body) == b"push 2", "what is not due is not tried"
    bench.clock.at = 121.0
    bench.sender.wake()
    assert bench.browser.decrypt(bench.service.next().body) == b"push 1"


def test_a_service_that_is_away_is_tried_again(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    endpoint = "https://127.0.0.1:9/nobody"
    told = bench.browser.keys()
    bench.sender.subscribe(Subscription("musume", endpoint, told["p256dh"], told["auth"], 2))
    bench.put(1)
    until(lambda: "cannot be reached" in caplog.text, "a first try")
    assert bench.due() == 1
    bench.sender.subscribe(Subscription("musume", bench.service.endpoint, told["p256dh"], told["auth"], 3))
    bench.clock.at = 3600.0
    bench.sender.wake()
    assert bench.browser.decrypt(bench.service.next().body) == b"push 1"


@pytest.mark.parametrize("status", [404, 410])
def test_a_subscription_that_is_gone_is_forgotten(bench: Bench, status: int) -> None:
    bench.service.answers.put((status, {}))
    bench.put(1)
    until(lambda: not ContactBook(bench.path).subscriptions(), "the subscription to go")


@pytest.mark.parametrize("status", [301, 400, 403, 413])
def test_what_is_refused_is_not_sent_again_and_no_redirection_is_followed(bench: Bench, status: int) -> None:
    bench.service.answers.put((status, {"Location": bench.service.endpoint}))
    bench.put(1)
    bench.service.next()
    until(lambda: bench.due() == 0, "the end of it")
    assert bench.service.pushed.empty()
    assert ContactBook(bench.path).subscriptions(), "the next alert is tried"


def test_a_certificate_that_nobody_vouches_for_gets_nothing(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with push_service(tmp_path / "other") as stranger:
        told = bench.browser.keys()
        bench.sender.subscribe(Subscription("musume", stranger.endpoint, told["p256dh"], told["auth"], 2))
        bench.put(1)
        bench.sender.close()
        assert stranger.pushed.empty()
        assert "push" not in {thread.name for thread in threading.enumerate()}
