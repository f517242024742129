"""The family's page in a real browser, with a real broker and the box's own commands: paired, told, answered.

Wants Chromium (`apt install chromium`) and Playwright (`make test-pages` brings it).
"""

from __future__ import annotations

import gc
import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="make test-pages brings Playwright")

from denwaban.alert.wire import contact_topic
from denwaban.effects import ReportHealth
from denwaban.events import Evidence, FamilyAnswered, FamilyTold
from tests.alert.alert_desk import an_alert
from tests.family.household import CHROMIUM, CONTACT, FLAGS, UNIT, Household
from tests.family.make_golden import MARKUP, PATH
from tests.fixtures_broker import until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.broker,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt install chromium"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Safari/604.1"
NO_DIALLING = "addEventListener('click', e => e.target.closest('a[href^=\"tel:\"]') && e.preventDefault(), true)"
"""Chromium would ask which program dials, and take no input until that is answered."""
AWAY = re.compile(r"ERR_CONNECTION_REFUSED|WebSocket is closed|Failed to load resource")
"""What Chromium itself notes when a server is away."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def household(tmp_path: Path) -> Iterator[Household]:
    with ExitStack() as stack:
        yield Household(tmp_path, stack)
    gc.collect()  # paho leaves its last sockets to it, and that is no complaint of a later test


def complains(message: Any) -> bool:
    return message.type == "error" and not AWAY.search(message.text)


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """The daughter's telephone. Whatever a browser complains of, or asks of another host, fails the test."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="ja-JP")
    page, complaints, hosts = context.new_page(), list[str](), set[str | None]()
    page.set_default_timeout(20_000)
    context.add_init_script(NO_DIALLING)
    page.on("console", lambda message: complaints.append(message.text) if complains(message) else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    context.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    yield page
    context.close()
    assert complaints == []
    assert hosts <= {"localhost", "127.0.0.1"}


def pair(page: Any, household: Household) -> None:
    pairing, address = household.invited()
    page.goto(address)
    page.get_by_role("button", name="この箱とつなぐ").click()
    page.get_by_text("あと少しで準備ができます").wait_for()
    assert pairing.wait(60) == 0
    page.get_by_role("heading", name="つないでいます").wait_for(state="detached")


def wait_listening(page: Any) -> None:
    page.get_by_role("heading", name="電話を見守っています").wait_for()


def test_pairing_pins_the_keys_and_leaves_no_secret_in_the_address(page: Any, household: Household) -> None:
    pair(page, household)
    (contact,) = household.book.contacts()
    assert (contact.name, contact.role) == ("daughter", "娘さん")
    assert page.url == household.page


def test_an_alert_is_shown_confirmed_and_answered(page: Any, household: Household) -> None:
    pair(page, household)
    told: list[object] = []
    box = household.box(told)
    wait_listening(page)
    page.get_by_label("実家の電話番号").fill("03-1234-5678")
    page.get_by_role("button", name="これで決める").click()
    box.submit(an_alert(), time.time())
    page.get_by_role("heading", name="詐欺の疑いのある電話").wait_for()
    page.locator("mark", has_text="還付金").first.wait_for()
    page.get_by_text("ATMでお金が戻ることはありません").wait_for()
    until(lambda: told, "the receipt")
    assert isinstance(told[0], FamilyTold)
    call = page.get_by_role("link", name="いま実家に電話する")
    assert call.get_attribute("href") == "tel:0312345678"
    call.click()
    page.get_by_text("「いま電話します」と送りました").wait_for()
    until(lambda: len(told) == 2, "the answer")
    assert isinstance(told[1], FamilyAnswered)
    assert (told[1].role, told[1].reply) == ("娘さん", "calling")
    page.get_by_role("button", name="閉じる").click()
    page.get_by_text("答えました").wait_for()
    assert household.command("alerts", "show", "alert-1") == 0
    (answer,) = household.book.answers()
    assert (answer.contact, answer.reply) == ("daughter", "calling")


def test_a_false_alarm_is_asked_about_before_it_is_said(page: Any, household: Household) -> None:
    pair(page, household)
    told: list[object] = []
    household.box(told).submit(an_alert(), time.time())
    page.get_by_role("button", name="心配のない電話だった").click()
    page.get_by_text("よろしいですか").wait_for()
    page.get_by_role("button", name="はい").click()
    until(lambda: [one for one in told if isinstance(one, FamilyAnswered)], "the answer")
    assert told[-1].reply == "false_alarm"


@pytest.mark.parametrize("can_cut", [True, False])
def test_a_call_can_be_cut_only_where_the_line_is_able_to(page: Any, household: Household, can_cut: bool) -> None:
    pair(page, household)
    household.box([], can_cut=can_cut).submit(an_alert(), time.time())
    page.get_by_role("heading", name="詐欺の疑いのある電話").wait_for()
    assert page.get_by_role("button", name="この電話を切る").count() == can_cut
    assert page.get_by_role("button", name="「切って」と声で伝える").count() == (not can_cut)


def test_without_a_connection_there_is_what_was_there_and_what_was_missed_comes_later(
    page: Any, household: Household
) -> None:
    pair(page, household)
    told: list[object] = []
    box = household.box(told)
    box.submit(an_alert(), time.time())
    page.get_by_role("heading", name="詐欺の疑いのある電話").wait_for()
    until(lambda: told, "the receipt")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    household.broker.stop()
    household.close_page()
    page.reload()
    page.get_by_role("heading", name="詐欺の疑いのある電話").wait_for()
    page.get_by_role("button", name="あとで電話する").click()
    page.get_by_text("つながりしだい送ります").wait_for()
    page.get_by_role("button", name="閉じる").click()
    page.get_by_role("heading", name="いまは、知らせを受け取れません").wait_for()
    page.get_by_text("最後につながっていた時刻").wait_for()
    box.submit(an_alert(2), time.time())
    household.broker.start()
    page.evaluate("dispatchEvent(new Event('online'))")  # else it waits for up to half a minute before it tries again
    page.get_by_role("heading", name="詐欺の疑いのある電話").wait_for()
    until(lambda: {one.alert_id for one in told if isinstance(one, FamilyTold)} == {"alert-1", "alert-2"}, "receipts")
    until(lambda: [one.reply for one in told if isinstance(one, FamilyAnswered)] == ["call_later"], "the answer")
    page.get_by_role("button", name="閉じる").click()
    page.get_by_role("button", name="記録").click()
    assert page.get_by_role("button", name="詐欺の疑いのある電話").count() == 2


def test_how_the_box_is_follows_it_through_a_restart(page: Any, household: Household) -> None:
    pair(page, household)
    box = household.box([])
    wait_listening(page)
    box.report(ReportHealth("deaf", "line"), time.time())
    page.get_by_role("heading", name="箱は、いま電話を聞けません").wait_for()
    box.close()
    page.get_by_role("heading", name="箱につながりません").wait_for()
    again = household.box([])
    page.get_by_role("heading", name="箱は、いま電話を聞けません").wait_for()
    again.report(ReportHealth("well", "line"), time.time())
    wait_listening(page)
    page.get_by_text(re.compile(r"今日 \d+:\d\d")).wait_for()


def test_what_is_replayed_or_not_the_box_s_is_not_shown_and_frightens_nobody(page: Any, household: Household) -> None:
    pair(page, household)
    told: list[object] = []
    topic = contact_topic(UNIT, CONTACT)
    with household.listener(topic) as listener:
        household.box(told).submit(an_alert(), time.time())
        genuine = listener.next().payload
        page.get_by_role("heading", name="詐欺の疑いのある電話").wait_for()
        page.get_by_role("button", name="閉じる").click()
        until(lambda: told, "the receipt")
    foreign = json.loads(PATH.read_text("utf-8"))["alerts"]["whole"].encode()
    tampered = genuine[:-40] + b"A" * 38 + b'"}'
    household.say(topic, [genuine, foreign, tampered, b"", b"<script>alert(1)</script>"])
    page.get_by_role("button", name="設定").click()
    page.get_by_text("4件(箱の署名がないなど)").wait_for()
    page.get_by_role("button", name="記録").click()
    assert page.get_by_role("button", name="詐欺の疑いのある電話").count() == 1
    assert page.get_by_role("alertdialog").count() == 0


def test_markup_in_what_was_said_is_text(page: Any, household: Household) -> None:
    pair(page, household)
    said = replace(an_alert(), transcript=(("far", MARKUP),), evidence=(Evidence("<script>", 0.9),))
    household.box([]).submit(said, time.time())
    page.get_by_text(MARKUP).wait_for()
    assert page.locator("mark", has_text="<script>").count() == 2, "among the words, and where they were said"
    assert page.locator("img").count() == 0


def test_a_clock_that_is_wrong_is_said_to_be_wrong(page: Any, household: Household) -> None:
    pair(page, household)
    household.box([]).submit(an_alert(), time.time() + 3600)
    page.get_by_role("button", name="閉じる").click()
    page.get_by_text("時計か、箱の時計がずれているようです").wait_for()


def test_a_drill_is_marked_wherever_it_is_seen(page: Any, household: Household) -> None:
    pair(page, household)
    household.box([], drill=True).submit(an_alert(), time.time())
    page.get_by_text("これは訓練です").wait_for()
    page.get_by_role("button", name="閉じる").click()
    page.get_by_role("button", name="詐欺の疑いのある電話 訓練").click()
    page.get_by_text("これは訓練です").wait_for()


def test_the_alarm_can_be_tried_without_a_box(page: Any, household: Household) -> None:
    pair(page, household)
    page.get_by_role("button", name="設定").click()
    page.get_by_role("button", name="知らせの画面と音をためす").click()
    page.get_by_text("これは訓練です").wait_for()
    page.get_by_role("button", name="「電話します」と伝える").click()
    page.get_by_role("button", name="閉じる").click()
    assert page.get_by_role("alertdialog").count() == 0


def test_a_drill_of_the_box_is_asked_for_once(page: Any, household: Household) -> None:
    drills: list[str] = []

    def start() -> bool:
        drills.append("drill")
        return True

    pair(page, household)
    box = household.box([], start_drill=start)
    wait_listening(page)
    page.get_by_role("button", name="設定").click()
    page.get_by_text("いまは箱が訓練を受け付けていません").wait_for()
    assert page.get_by_role("button", name="箱の訓練を始める").is_disabled()
    box.report(ReportHealth("well", "line"), time.time())
    page.get_by_role("button", name="箱の訓練を始める", disabled=False).click()
    assert drills == []
    page.get_by_role("button", name="はい").click()
    page.get_by_text("頼みました。訓練の知らせが届くまで、2分ほどお待ちください").wait_for()
    until(lambda: drills, "the drill")
    assert page.get_by_role("button", name="箱の訓練を始める").is_disabled()
    box.close()
    page.reload()
    page.get_by_role("button", name="設定").click()
    page.get_by_text("頼みました").wait_for()
    assert drills == ["drill"]


def test_one_window_listens_the_one_in_front(page: Any, household: Household) -> None:
    pair(page, household)
    household.box([])
    wait_listening(page)
    other = page.context.new_page()
    other.goto(household.page)
    wait_listening(other)
    page.get_by_role("heading", name="ほかの画面で受け取っています").wait_for()
    page.get_by_role("button", name="この画面で受け取る").click()
    wait_listening(page)


def test_a_code_that_ran_out_and_one_that_is_none_say_what_to_do(page: Any, household: Household) -> None:
    page.goto(f"{household.page}#pair?v=1&u=x")
    page.get_by_text("このコードは使えません").wait_for()
    page.get_by_label("箱が見せるアドレス").fill(household.unanswered())
    page.get_by_label("箱が見せるアドレス").press("Enter")
    page.get_by_role("button", name="この箱とつなぐ").click()
    page.get_by_text("箱の返事がありません").wait_for(timeout=60_000)


def test_on_an_iphone_the_page_is_installed_first_and_paired_inside(browser: Any, household: Household) -> None:
    agent = (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/604.1"
    )
    context = browser.new_context(user_agent=agent, permissions=["clipboard-read", "clipboard-write"], locale="ja-JP")
    page = context.new_page()
    _, address = household.invited()
    page.goto(address)
    page.get_by_role("heading", name="先に、ホーム画面に入れてください").wait_for()
    page.get_by_role("button", name="コードをコピー").click()
    page.get_by_role("button", name="コピーしました").wait_for()
    # What the installed app is: the same page, in a storage of its own, without the address.
    app = browser.new_context(user_agent=IPHONE, permissions=["clipboard-read"], locale="ja-JP").new_page()
    app.add_init_script("Object.defineProperty(navigator, 'standalone', { value: true })")
    app.goto(household.page)
    app.evaluate(
        "text => navigator.clipboard.readText = async () => text", page.evaluate("navigator.clipboard.readText()")
    )
    app.get_by_role("button", name="コピーしたコードを貼り付ける").click()
    app.get_by_role("button", name="この箱とつなぐ").click()
    app.get_by_text("あと少しで準備ができます").wait_for()
    context.close()
    app.context.close()


def test_the_page_speaks_english_on_request(page: Any, household: Household) -> None:
    page.goto(household.page)
    page.get_by_role("button", name="English").click()
    page.get_by_role("heading", name="Minding the telephone of family far away").wait_for()
    page.locator("html[lang=en]").wait_for(state="attached")


def test_a_page_that_is_not_encrypted_says_why_it_cannot_work(browser: Any, tmp_path: Path) -> None:
    with ExitStack() as stack:
        household = Household(tmp_path, stack, name="family.test")
        open_browser = browser.browser_type.launch(
            executable_path=CHROMIUM, args=[*FLAGS, "--host-resolver-rules=MAP family.test 127.0.0.1"]
        )
        stack.callback(open_browser.close)
        page = open_browser.new_page(locale="ja-JP")
        page.goto(household.page)
        page.get_by_role("heading", name="このアドレスでは使えません").wait_for()
        page.get_by_text("https://").first.wait_for()
        assert UNIT not in page.content()
