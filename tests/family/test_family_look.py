"""Every view of the family's page, at two sizes, light and dark: it fits, fingers find it, axe finds nothing serious.

AXE names axe.min.js (npm package axe-core), PICTURES a folder for screenshots.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="make test-pages brings Playwright")

from denwaban.effects import ReportHealth, SendAlert
from denwaban.events import CallerId, Evidence, Level
from tests.family.household import CHROMIUM, Household
from tests.family.test_family_page import IPHONE, NO_DIALLING, browser, household, pair, wait_listening

__all__ = ["browser", "household"]  # fixtures

pytestmark = [
    pytest.mark.browser,
    pytest.mark.broker,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt install chromium"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
SIZES = {"phone": (390, 844), "desktop": (1280, 800)}
SERIOUS = ("serious", "critical")
CALL = SendAlert(
    *("alert-2", "call-2", "new", Level.ALERT, "police", 0.97, CallerId("05012345678")),
    evidence=(
        Evidence("警視庁捜査二課", 0.9),
        Evidence("口座が犯罪に使われて", 0.8),
        Evidence("誰にも話さないで", 0.7),
    ),
    transcript=(
        ("far", "もしもし、警視庁捜査二課の佐藤と申します。"),
        ("near", "はい、何でしょうか。"),
        ("far", "あなた名義の口座が犯罪に使われていることがわかりました。"),
        ("near", "えっ、そんなことはないと思いますけど。"),
        ("far", "捜査上の秘密ですので、このことは誰にも話さないでください。"),
    ),
)
"""Invented."""
EARLIER = replace(CALL, alert_id="alert-1", event="end", level=Level.CAUTION, category="refund", evidence=())


class Looker:
    """Looks at what a page shows now."""

    def __init__(self, page: Any, name: str) -> None:
        self._page, self._name = page, name

    def look(self, view: str) -> None:
        page = self._page
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{view} is too wide"
        small = page.evaluate(
            "[...document.querySelectorAll('button,.button,input')]"
            ".filter(e => e.getClientRects().length && e.getBoundingClientRect().height < 44).map(e => e.outerHTML)"
        )
        assert small == [], f"{view}: too small for a finger"
        if pictures := os.environ.get("PICTURES"):
            page.screenshot(path=f"{pictures}/family-{view}-{self._name}.png")
        if axe := os.environ.get("AXE"):
            page.evaluate(Path(axe).read_text("utf-8"))
            found = page.evaluate("axe.run()")["violations"]
            serious = [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in SERIOUS]
            assert serious == [], view


@pytest.fixture
def opened(browser: Any, size: str, scheme: str) -> Iterator[Any]:
    width, height = SIZES[size]
    context = browser.new_context(
        **{"viewport": {"width": width, "height": height}, "color_scheme": scheme, "locale": "ja-JP"},
        **{"timezone_id": "Asia/Tokyo", "permissions": ["notifications"]},
    )
    context.add_init_script(NO_DIALLING)
    page = context.new_page()
    page.set_default_timeout(20_000)
    yield page
    context.close()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_fits_and_can_be_used_by_everybody(
    opened: Any, household: Household, size: str, scheme: str
) -> None:
    page, looker = opened, Looker(opened, f"{size}-{scheme}")
    page.goto(household.page)
    page.get_by_role("heading", name="離れて暮らす家族").wait_for()
    looker.look("welcome")
    pair(page, household)
    box = household.box([])
    wait_listening(page)
    looker.look("ready")
    page.get_by_label("実家の電話番号").fill("03-1234-5678")
    page.get_by_role("button", name="これで決める").click()
    box.report(ReportHealth("well", "line"), time.time())
    box.submit(EARLIER, time.time() - 86_400)
    page.get_by_role("button", name="閉じる").click()
    box.submit(CALL, time.time())
    page.get_by_role("heading", name="詐欺の疑いのある電話").wait_for()
    looker.look("alert")
    page.get_by_role("button", name="心配のない電話だった").click()
    looker.look("asked")
    page.get_by_role("button", name="やめる").click()
    page.locator(".alarm").evaluate("one => one.scrollTo(0, one.scrollHeight)")
    looker.look("said")
    page.get_by_role("link", name="いま実家に電話する").click()
    page.get_by_text("と送りました").wait_for()
    page.locator(".alarm").evaluate("one => one.scrollTo(0, 0)")
    looker.look("answered")
    page.get_by_role("button", name="閉じる").click()
    looker.look("now")
    page.get_by_role("button", name="詐欺の疑いのある電話").click()
    looker.look("story")
    page.get_by_role("button", name="記録").click()
    looker.look("history")
    page.get_by_role("button", name="設定").click()
    looker.look("settings")
    household.broker.stop()
    page.get_by_role("button", name="いま", exact=True).click()
    page.get_by_role("heading", name="いまは、知らせを受け取れません").wait_for()
    looker.look("away")


def test_what_an_iphone_is_told_fits(browser: Any, household: Household) -> None:
    context = browser.new_context(user_agent=IPHONE, viewport={"width": 390, "height": 844}, locale="ja-JP")
    page = context.new_page()
    page.goto(household.unanswered().replace("denwaban:", f"{household.page}#"))
    page.get_by_role("heading", name="先に、ホーム画面に入れてください").wait_for()
    Looker(page, "phone-light").look("iphone")
    context.close()
