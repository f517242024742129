"""Both pages together, in a real browser with a real broker: the household's page shows the code, the daughter's
telephone reads it, is tried, told of a scam, answers, and is stopped when it is lost."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra `web` is not installed")
sync_api = pytest.importorskip("playwright.sync_api", reason="make test-pages brings Playwright")

from denwaban.paths import database_path
from denwaban.store.database import Database
from tests.alert.alert_desk import an_alert
from tests.family.household import CHROMIUM, CONTACT, FLAGS, PASSWORD, Household
from tests.fixtures_broker import free_port, until
from tests.web.page_bench import write_scam
from tests.web.test_web_browser import begin, log_in, opened, served

pytestmark = [
    pytest.mark.browser,
    pytest.mark.broker,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt install chromium"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def household(tmp_path: Path) -> Iterator[Household]:
    with ExitStack() as stack:
        yield Household(tmp_path, stack)


@pytest.fixture
def page(browser: Any, household: Household, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The household's page in the house, logged in; `base_url` is its address."""
    monkeypatch.setenv("PYTHONPATH", ":".join(sys.path))
    database = Database(database_path(household.config), print)
    write_scam(database, at=time.time() - 60)
    database.close()
    (household.folder / f"{CONTACT}.broker-password").write_text(PASSWORD)
    program = ("env", f"DENWABAN_CONFIG={household.config_file}", sys.executable, "-m", "denwaban")
    with served(household.config, f"127.0.0.1:{free_port()}", program, household.folder) as home:
        page = opened(browser)
        log_in(page, home, household.config, "止まっています")
        page.home = home
        yield page
        page.context.close()


def paired(page: Any, telephone: Any) -> None:
    begin(page, page.home, "/contacts/add", "次へ")
    page.get_by_text("カメラが使えないとき").click()
    telephone.goto(page.locator(".link").inner_text())
    telephone.get_by_role("button", name="この箱とつなぐ").click()
    telephone.get_by_text("あと少しで準備ができます").wait_for()
    page.get_by_text("加わりました").wait_for()


def test_a_telephone_is_added_tried_told_answers_and_is_stopped(browser: Any, page: Any, household: Household) -> None:
    telephone = opened(browser)
    paired(page, telephone)
    telephone.get_by_label("実家の電話番号").fill("03-1234-5678")
    telephone.get_by_role("button", name="これで決める").click()
    page.get_by_role("button", name="試しの知らせを送る").click()
    page.get_by_role("heading", name="届きました", exact=True).wait_for()

    told: list[object] = []
    household.box(told).submit(replace(an_alert(), alert_id="scam-1"), time.time())
    telephone.get_by_role("heading", name="詐欺の疑いのある電話").wait_for()
    until(lambda: told, "the receipt")
    telephone.get_by_role("link", name="いま実家に電話する").click()
    telephone.get_by_text("「いま電話します」と送りました").wait_for()
    until(lambda: len(told) == 2, "the answer")
    page.goto(f"{page.home}/calls/scam-1")
    page.get_by_text("受け取りました").wait_for()
    page.get_by_text("これから電話します").wait_for()

    page.goto(f"{page.home}/contacts")
    page.get_by_role("link", name="失くした電話を止める").click()
    page.get_by_role("button", name="はい、止めます").click()
    page.get_by_text("その電話への知らせを止めました").wait_for()
    assert household.book.contacts() == ()
    telephone.context.close()
