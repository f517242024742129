"""How soon an alert is visible on the family's page, and what the page weighs; on this machine, in headless Chromium.

    .venv/bin/python bench/pages.py --json [--alerts 50]

The clock starts when `submit` is called: the alert is decided. It stops in the browser, at the first frame after the
one that shows the alert: it has come through Mosquitto (TLS, WebSocket), was decrypted, verified and stored. One alert
at a time. Weight: what a telephone fetches once, with gzip as static hosts send it, and without. Wants Chromium and
Playwright: `make test-pages` brings both.
"""

# ruff: noqa: E402  # the household of the tests is found from the repository, wherever this is called

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "firmware_py")]

from tests.family.household import CHROMIUM, DIST, FLAGS, Household
from tests.family.test_family_look import CALL
from tests.family.test_family_page import pair, wait_listening

_SEEN = """
() => new Promise(resolve => {
  const look = () => {
    const now = performance.timeOrigin + performance.now()
    if (document.querySelector('.alarm')) requestAnimationFrame(() => resolve(now / 1000))
    else requestAnimationFrame(look)
  }
  look()
})
"""


def measure(alerts: int) -> dict[str, float]:
    """Milliseconds from decided to visible, after five to warm up."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # only this bench wants it

    took: list[float] = []
    with ExitStack() as stack:
        household = Household(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="denwaban-bench-"))), stack)
        browser = stack.enter_context(sync_playwright()).chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 390, "height": 844}, locale="ja-JP")
        pair(page, household)
        box = household.box([])
        wait_listening(page)
        for n in range(alerts + 5):
            alert = replace(CALL, alert_id=f"alert-{n}")
            took.append(_one(page, partial(box.submit, alert)))
        browser.close()
    took = sorted(1000 * seconds for seconds in took[5:])
    return {"median": round(statistics.median(took), 1), "p95": round(took[int(0.95 * len(took))], 1)}


def _one(page: Any, decide: Any) -> float:
    """Seconds until one alert is seen; it is put aside afterwards."""
    page.evaluate(f"void (window.seen = ({_SEEN})())")
    began = time.time()
    decide(began)
    seen = page.evaluate("window.seen")
    page.get_by_role("button", name="閉じる").click()
    page.locator(".alarm").wait_for(state="detached")
    return float(seen) - began


def weight() -> dict[str, int]:
    """Bytes and files of the built page."""
    files = [path.read_bytes() for path in DIST.rglob("*") if path.is_file()]
    return {
        "files": len(files),
        "bytes": sum(map(len, files)),
        "gzip_bytes": sum(min(len(data), len(gzip.compress(data, mtime=0))) for data in files),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alerts", type=int, default=50, metavar="N")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    options = parser.parse_args()
    result = {"alerts": options.alerts, "visible_ms": measure(options.alerts), "weight": weight()}
    print(json.dumps(result) if options.json else json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
