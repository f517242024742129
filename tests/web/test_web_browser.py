"""The household's page in a real browser: the way from the label's code to a deleted call, and its accessibility.

Wants Chromium (`apt install chromium`) and `pip install playwright`; AXE names axe.min.js (npm package axe-core),
PICTURES a folder for screenshots.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra `web` is not installed")
sync_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")

import uvicorn

from denwaban.config import Config
from denwaban.paths import database_path, page_secrets
from denwaban.store.contacts import ContactBook
from denwaban.store.rows import PairedContact
from denwaban.vitals import VitalSigns
from denwaban.web.pin import PinFile
from tests.fixtures_broker import free_port, until
from tests.web.page_bench import NOW, PIN, application, config_for, fill, write_alert

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
    *("/contacts", "/contacts/add", "/contacts/musuko/revoke", "/contacts/errand/pair", "/contacts/errand/drill"),
    *("/drill", "/settings", "/help", "/login", "/setup"),
)
LINK = "denwaban:pair?v=1&h=192.168.1.20&p=8883&t=1&u=box-1&k=" + "k" * 43 + "&c=daughter&s=" + "s" * 22
COMMAND = f"""
import json, sys, time
if sys.argv[1] == "drill":
    print(json.dumps({{"event": "call_started"}}))
    print(json.dumps({{"event": "alert_decided"}}))
    print(json.dumps({{"event": "contact_confirmed", "role": "息子さん"}}))
    print(json.dumps({{"event": "contact_answered", "role": "息子さん", "reply": "calling"}}))
else:
    print({LINK!r}, flush=True)
    time.sleep(600)
"""
"""In the place of `denwaban contacts pair` and `denwaban drill`."""
PROGRAM = (sys.executable, "-c", COMMAND)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    config = config_for(tmp_path / "data")
    fill(config)
    ContactBook(database_path(config)).put(
        PairedContact("musuko", "息子さん", "{}", "transcript", "ja", "07:00-22:00", 2, NOW)
    )
    write_alert(config)
    signs = VitalSigns()
    signs.beat(b"r")
    signs.serve(config.data_dir / "state.sock")
    return config


@pytest.fixture
def address() -> str:
    return f"127.0.0.1:{free_port()}"


@contextmanager
def served(
    config: Config,
    address: str,
    program: Sequence[str] = (sys.executable, "-c", COMMAND),
    passwords: Path | None = None,
) -> Iterator[str]:
    """The page at that address, with nobody logged in."""
    port, app = int(address.partition(":")[2]), application(config, None, program, passwords)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run, name="page")
    thread.start()
    until(lambda: server.started, "the page")
    try:
        yield f"http://{address}"
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture
def home(config: Config, address: str) -> Iterator[str]:
    with served(config, address) as url:
        yield url


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


def log_in(page: Any, home: str, config: Config, shown: str = "電話を見守っています") -> None:
    PinFile(page_secrets(config)).choose(PIN)
    page.goto(f"{home}/login")
    page.get_by_label("暗証番号").fill(PIN)
    page.get_by_role("button", name="開く").click()
    page.get_by_text(shown).wait_for()


def test_from_the_code_on_the_label_to_a_deleted_call(browser: Any, home: str, config: Config) -> None:
    page, complaints, hosts = opened(browser), list[str](), set[str]()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    code = PinFile(page_secrets(config)).new_code()
    page.goto(home)
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
    assert hosts == {home.removeprefix("http://")}
    page.context.close()


def test_everything_works_without_script(browser: Any, home: str, config: Config) -> None:
    PinFile(page_secrets(config)).choose(PIN)
    context = browser.new_context(java_script_enabled=False, locale="ja-JP")
    page = context.new_page()
    page.goto(f"{home}/login")
    page.get_by_label("暗証番号").fill(PIN)
    page.get_by_role("button", name="開く").click()
    page.goto(f"{home}/calls/scam-1")
    page.get_by_role("button", name="まちがい").click()
    page.get_by_text("「まちがい」と覚えました").wait_for()
    context.close()


def test_a_box_that_is_away_is_said_to_be_away(browser: Any, home: str, config: Config) -> None:
    page = opened(browser)
    log_in(page, home, config)
    page.goto(f"{home}/calls/scam-1")
    page.context.set_offline(True)
    page.get_by_role("button", name="まちがい").click()
    page.get_by_text("箱につながりません").wait_for()
    page.context.set_offline(False)
    page.get_by_role("button", name="まちがい").click()
    page.get_by_text("「まちがい」と覚えました").wait_for()
    assert not page.get_by_text("箱につながりません").is_visible()
    page.context.close()


def test_a_box_that_restarts_while_a_page_is_open_is_away_and_then_asks_for_the_pin(
    browser: Any, config: Config, address: str
) -> None:
    page = opened(browser)
    with served(config, address) as home:
        log_in(page, home, config)
        begin(page, home, "/contacts/add", "次へ")
        page.get_by_text("四角いコードを読み取ってください").wait_for()
    page.get_by_text("箱につながりません").wait_for()
    with served(config, address):
        page.get_by_text("暗証番号を入れてください").wait_for()
    page.context.close()


def begin(page: Any, home: str, path: str, button: str) -> None:
    page.goto(home + path)
    page.get_by_role("button", name=button).click()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_pages_fit_and_can_be_used_by_everybody(
    browser: Any, home: str, config: Config, size: str, scheme: str
) -> None:
    page, complaints = opened(browser, size, scheme), list[str]()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    log_in(page, home, config)
    pictures = os.environ.get("PICTURES")
    begin(page, home, "/contacts/add", "次へ")
    page.get_by_text("四角いコードを読み取ってください").wait_for()
    begin(page, home, "/drill", "訓練を始める")
    page.get_by_text("訓練は、うまくいきました").wait_for()
    for path in PAGES:
        page.goto(home + path)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{path} is too wide"
        small = page.evaluate(
            "[...document.querySelectorAll('button,.button,.tabs a,input:not([type=hidden]),select,summary')]"
            ".filter(e => e.getClientRects().length && e.getBoundingClientRect().height < 44).map(e => e.outerHTML)"
        )
        assert small == [], f"{path}: too small for a finger"
        if pictures:
            name = path.strip("/").replace("/", "-") or "status"
            height = page.evaluate("document.documentElement.scrollHeight")
            page.set_viewport_size({"width": SIZES[size][0], "height": max(height, SIZES[size][1])})
            page.screenshot(path=f"{pictures}/{name}-{size}-{scheme}.png")
            page.set_viewport_size({"width": SIZES[size][0], "height": SIZES[size][1]})
        if axe := os.environ.get("AXE"):
            page.evaluate(Path(axe).read_text("utf-8"))
            found = page.evaluate("axe.run()")["violations"]
            serious = [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in SERIOUS]
            assert serious == [], path
    assert complaints == [], "nothing that the page's own security policy forbids"
    page.context.close()
