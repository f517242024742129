"""The household's page in a real browser: the way from the label's code to a deleted call, and its accessibility.

Wants Chromium (`apt install chromium`) and `pip install playwright`; AXE names axe.min.js (npm package axe-core),
PICTURES a folder for screenshots.
"""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra `web` is not installed")
sync_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")

import uvicorn

from denwaban.config import Config
from denwaban.paths import page_secrets
from denwaban.vitals import VitalSigns
from denwaban.web.pin import PinFile
from tests.web.page_bench import PIN, application, config_for, fill

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt install chromium"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
SIZES = {"phone": (390, 844), "desktop": (1280, 800)}
SCHEMES = ("light", "dark")
SERIOUS = ("serious", "critical")
PAGES = (
    *("/", "/calls", "/calls/scam-1", "/calls/scam-1/delete", "/lists"),
    *("/contacts", "/settings", "/help", "/login", "/setup"),
)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    config = config_for(tmp_path / "data")
    fill(config)
    signs = VitalSigns()
    signs.beat(b"r")
    signs.serve(config.data_dir / "state.sock")
    return config


@pytest.fixture
def address(config: Config) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(application(config), port=port, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run, name="page")
    thread.start()
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def opened(browser: Any, size: str = "phone", scheme: str = "light") -> Any:
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, locale="ja-JP")
    page = context.new_page()
    page.set_default_timeout(15_000)
    return page


def log_in(page: Any, address: str, config: Config) -> None:
    PinFile(page_secrets(config)).choose(PIN)
    page.goto(f"{address}/login")
    page.get_by_label("暗証番号").fill(PIN)
    page.get_by_role("button", name="開く").click()
    page.get_by_text("電話を見守っています").wait_for()


def test_from_the_code_on_the_label_to_a_deleted_call(browser: Any, address: str, config: Config) -> None:
    page, complaints, hosts = opened(browser), list[str](), set[str]()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    code = PinFile(page_secrets(config)).new_code()
    page.goto(address)
    page.get_by_label("ラベルの番号").fill(code)
    page.get_by_label("新しい暗証番号").fill(PIN)
    page.get_by_label("もう一度、同じ暗証番号").fill(PIN)
    page.get_by_role("button", name="これに決める").click()
    page.get_by_text("電話を見守っています").wait_for()
    page.get_by_role("link", name="電話", exact=True).click()
    page.get_by_role("link", name="050-1234-5678").click()
    page.locator("mark", has_text="警視庁捜査二課").wait_for()
    page.get_by_role("button", name="まちがい").click()
    page.get_by_text("「まちがい」と覚えました").wait_for()
    assert page.get_by_role("button", name="まちがい").get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="0:15から聞く").click()
    page.wait_for_function("document.getElementById('sound').currentTime >= 15")
    page.get_by_role("link", name="この電話を消す").click()
    page.get_by_role("button", name="はい、消します").click()
    page.get_by_text("電話の記録を消しました").wait_for()
    assert page.get_by_role("link", name="050-1234-5678").count() == 0
    assert complaints == []
    assert hosts == {address.removeprefix("http://")}
    page.context.close()


def test_everything_works_without_script(browser: Any, address: str, config: Config) -> None:
    PinFile(page_secrets(config)).choose(PIN)
    context = browser.new_context(java_script_enabled=False, locale="ja-JP")
    page = context.new_page()
    page.goto(f"{address}/login")
    page.get_by_label("暗証番号").fill(PIN)
    page.get_by_role("button", name="開く").click()
    page.goto(f"{address}/calls/scam-1")
    page.get_by_role("button", name="まちがい").click()
    page.get_by_text("「まちがい」と覚えました").wait_for()
    context.close()


def test_a_box_that_is_away_is_said_to_be_away(browser: Any, address: str, config: Config) -> None:
    page = opened(browser)
    log_in(page, address, config)
    page.goto(f"{address}/calls/scam-1")
    page.context.set_offline(True)
    page.get_by_role("button", name="まちがい").click()
    page.get_by_text("箱につながりません").wait_for()
    page.context.set_offline(False)
    page.get_by_role("button", name="まちがい").click()
    page.get_by_text("「まちがい」と覚えました").wait_for()
    assert not page.get_by_text("箱につながりません").is_visible()
    page.context.close()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_pages_fit_and_can_be_used_by_everybody(
    browser: Any, address: str, config: Config, size: str, scheme: str
) -> None:
    page = opened(browser, size, scheme)
    log_in(page, address, config)
    pictures = os.environ.get("PICTURES")
    for path in PAGES:
        page.goto(address + path)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{path} is too wide"
        small = page.evaluate(
            "[...document.querySelectorAll('button,.button,.tabs a,input:not([type=hidden])')]"
            ".filter(e => e.getClientRects().length && e.getBoundingClientRect().height < 44).map(e => e.outerHTML)"
        )
        assert small == [], f"{path}: too small for a finger"
        if pictures:
            name = path.strip("/").replace("/", "-") or "status"
            page.screenshot(path=f"{pictures}/{name}-{size}-{scheme}.png", full_page=True)
        if axe := os.environ.get("AXE"):
            page.evaluate(Path(axe).read_text("utf-8"))
            found = page.evaluate("axe.run()")["violations"]
            serious = [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in SERIOUS]
            assert serious == [], path
    page.context.close()
