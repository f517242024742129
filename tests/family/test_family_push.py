"""The whole way, with the page closed: pair → drill → Web Push → open → words that counted → answer → the box says who.

No push service can be reached from a test. One of this machine takes what the box really sends and decrypts it, and the
browser's debugging protocol hands it to the page's service worker. A subscription enters where a browser gives one:
`PushManager.subscribe`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="make test-pages brings Playwright")

from denwaban.alert.keys import UnitKey
from denwaban.alert.webpush import public_key
from denwaban.events import FamilyAnswered, FamilyTold
from denwaban.paths import push_key_path
from tests.alert.alert_desk import an_alert
from tests.alert.push_service import Browser, PushService, decoded, push_service
from tests.family.household import CHROMIUM, Household
from tests.family.test_family_page import browser, complains, household, pair, wait_listening
from tests.fixtures_broker import until

__all__ = ["browser", "household"]  # fixtures

pytestmark = [
    pytest.mark.browser,
    pytest.mark.broker,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt install chromium"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

SUBSCRIBE = """
(told => {
  const subscription = { endpoint: told.endpoint, options: {}, toJSON: () => told, unsubscribe: async () => true }
  PushManager.prototype.subscribe = async ({ applicationServerKey, userVisibleOnly }) => {
    localStorage.subscribed = JSON.stringify([userVisibleOnly, ...new Uint8Array(applicationServerKey)])
    return subscription
  }
  PushManager.prototype.getSubscription = async () => localStorage.subscribed ? subscription : null
})(%s)
"""


class Telephone:
    """A browser's context with a push subscription, and the debugging protocol's way to its service worker."""

    def __init__(self, context: Any, household: Household, service: PushService) -> None:
        self.context, self.household, self.keys = context, household, Browser()
        told = {"endpoint": service.endpoint, "expirationTime": None, "keys": self.keys.keys()}
        context.add_init_script(SUBSCRIBE % json.dumps(told))
        self.complaints: list[str] = []
        context.on("console", lambda one: self.complaints.append(one.text) if complains(one) else None)
        context.on("weberror", lambda one: self.complaints.append(str(one.error)))
        self._versions: list[Any] = []
        self._debugger = context.new_cdp_session(context.new_page())
        self._debugger.on("ServiceWorker.workerRegistrationUpdated", self._note)
        self._debugger.send("ServiceWorker.enable")

    def _note(self, update: Any) -> None:
        self._versions.append(update)

    def opened(self, address: str | None = None) -> Any:
        page = self.context.new_page()
        page.set_default_timeout(30_000)
        page.goto(address or self.household.page)
        return page

    def pushed(self, payload: bytes) -> None:
        """As the browser does when its push service has something."""
        known = [one for update in self._versions for one in update["registrations"] if not one["isDeleted"]]
        origin, registration = self.household.page.rstrip("/"), known[-1]["registrationId"]
        message = {"origin": origin, "registrationId": registration, "data": payload.decode()}
        self._debugger.send("ServiceWorker.deliverPushMessage", message)

    def notifications(self, page: Any) -> list[dict[str, str]]:
        return list(
            page.evaluate(
                "navigator.serviceWorker.ready.then(r => r.getNotifications())"
                ".then(all => all.map(({ title, body, tag }) => ({ title, body, tag })))"
            )
        )


@pytest.fixture
def service(tmp_path: Path) -> Iterator[PushService]:
    with push_service(tmp_path) as service:
        yield service


@pytest.fixture
def telephone(browser: Any, household: Household, service: PushService) -> Iterator[Telephone]:
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="ja-JP", permissions=["notifications"])
    telephone = Telephone(context, household, service)
    yield telephone
    context.close()
    assert telephone.complaints == []


def subscribed(telephone: Telephone) -> Any:
    """A paired page that has told the box where to wake it; for that the box is at work for a while."""
    page = telephone.context.new_page()
    page.set_default_timeout(30_000)
    pair(page, telephone.household)
    box = telephone.household.box_that_pushes([])
    wait_listening(page)
    page.get_by_role("button", name="知らせを許す").click()
    until(telephone.household.book.subscriptions, "the subscription at the box")
    page.get_by_role("button", name="知らせを許す").wait_for(state="detached")
    return page, box


def test_the_box_s_own_key_is_asked_for_and_the_box_told(telephone: Telephone, service: PushService) -> None:
    page, _box = subscribed(telephone)
    (kept,) = telephone.household.book.subscriptions()
    assert (kept.contact, kept.endpoint, kept.auth) == ("daughter", service.endpoint, telephone.keys.keys()["auth"])
    key = UnitKey.load_or_create(push_key_path(telephone.household.config))
    visible, *point = json.loads(page.evaluate("localStorage.subscribed"))
    assert visible is True, "browsers allow no silent pushes"
    assert bytes(point) == decoded(public_key(key.jwk))
    page.get_by_role("button", name="設定").click()
    page.get_by_text("受け取ります").wait_for()


@pytest.mark.speech
def test_a_drill_wakes_a_closed_page_and_the_box_says_who_answered(
    telephone: Telephone, service: PushService, models_dir: Path
) -> None:
    page, box = subscribed(telephone)
    page.close()
    box.close()
    with telephone.household.config_file.open("a") as file:
        file.write(f'[speech]\nmodels_dir = "{models_dir}"\n')
    words = ("drill", "--json", "--speed", "20", "--wait", "120")
    drill = telephone.household.started(*words, SSL_CERT_FILE=str(service.certificate))
    pushed = service.next(240)
    assert pushed.sender["sub"] == telephone.household.page
    message = telephone.keys.decrypt(pushed.body)
    assert len(message) <= 3900
    telephone.pushed(message)
    assert drill.stdout is not None
    lines = (json.loads(line) for line in iter(drill.stdout.readline, ""))
    page = telephone.opened()
    page.get_by_text("これは訓練です").wait_for()
    page.get_by_role("group", name="気になった言葉").locator("mark").first.wait_for()
    page.locator(".said mark").first.wait_for()
    page.get_by_role("button", name="「電話します」と伝える").click()
    last = [line for line in lines if line["event"] == "drill"][-1]
    assert last["ok"] is True
    assert [(role, reply) for role, reply, _s in last["answered"]] == [("娘さん", "calling")]
    assert last["spoken"][-2:] == ["who_daughter", "does_calling"]


def test_a_push_is_shown_as_a_notification_confirmed_and_filled_in_later(
    telephone: Telephone, service: PushService, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, box = subscribed(telephone)
    page.close()
    box.close()
    monkeypatch.setenv("SSL_CERT_FILE", str(service.certificate))
    told: list[object] = []
    telephone.household.box_that_pushes(told).submit(an_alert(), time.time())
    telephone.pushed(telephone.keys.decrypt(service.next().body))
    until(lambda: told, "the service worker's receipt, with no page open")
    assert isinstance(told[0], FamilyTold)
    page = telephone.opened()
    (notification,) = telephone.notifications(page)
    assert notification["title"] == "詐欺の疑いのある電話"
    assert "還付金" in notification["body"]
    assert "0312345678" not in notification["body"], "no number on a locked screen"
    page.get_by_text("還付金があります").wait_for()
    page.get_by_role("button", name="心配のない電話だった").click()
    page.get_by_role("button", name="はい").click()
    until(lambda: [one for one in told if isinstance(one, FamilyAnswered)], "the answer")


def test_a_test_message_is_confirmed_by_a_closed_page(telephone: Telephone, service: PushService) -> None:
    page, box = subscribed(telephone)
    page.close()
    box.close()
    test = telephone.household.started("contacts", "test", "daughter", SSL_CERT_FILE=str(service.certificate))
    telephone.pushed(telephone.keys.decrypt(service.next().body))
    assert test.wait(60) == 0
    page = telephone.opened()
    page.get_by_role("button", name="試しの知らせ").wait_for()
    assert page.get_by_role("alertdialog").count() == 0, "it is no alarm"
    (notification,) = telephone.notifications(page)
    assert notification["title"] == "試しの知らせ"


def test_a_push_that_is_not_the_box_s_says_nothing_of_itself(telephone: Telephone) -> None:
    page, _box = subscribed(telephone)
    page.close()
    telephone.pushed(b'{"v":1,"signed":"forged"}')
    page = telephone.opened()
    until(lambda: telephone.notifications(page), "something to see: browsers want it after each push")
    (notification,) = telephone.notifications(page)
    assert notification["title"] == "電話番"
    assert page.get_by_role("alertdialog").count() == 0
