"""How long an alert takes from decided to delivered and to its receipt, and how fast the outbox is; on this machine.

    .venv/bin/python bench/alerts.py --json [--alerts 200]

The clock starts when `submit` is called. It stops when the contact's callback runs (delivered), and when the box has
checked the contact's signed receipt and written it down (receipt). One alert at a time. `mosquitto` is without,
`mosquitto_tls` with TLS, passwords and access rules, `amqtt` the small broker of the demo. `outbox` counts messages a
second: written (two a commit, as for one contact), and published, confirmed by the contact and written off.
"""

# ruff: noqa: E402  # the broker of the tests is found from the repository, wherever this is called

from __future__ import annotations

import argparse
import json
import queue
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "firmware_py")]

from denwaban.alert import wire
from denwaban.alert.contact import ContactClient
from denwaban.alert.embedded import EmbeddedBroker
from denwaban.alert.keys import UnitKey, new_private_key, public_part, public_text
from denwaban.alert.mosquitto import LocalMosquitto
from denwaban.alert.mqtt import MqttAlerts
from denwaban.alert.settings import Contact, MqttSettings
from denwaban.effects import SendAlert
from denwaban.events import CallerId, Evidence, Level
from denwaban.store.outbox import SqliteOutbox
from tests.fixtures_broker import BrokerMissing, mosquitto_program, running_mosquitto, until

_TURNS = tuple(("far", f"それでは{n}番の書類のとおり、還付金の手続きでATMまでお越しください。") for n in range(8))


class _WallClock:
    def now(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()

    def wait_hint(self, deadline: float) -> float:
        return max(0.0, deadline - time.monotonic())


def _alert(n: int) -> SendAlert:
    return SendAlert(
        alert_id=f"alert-{n}",
        call_id=f"call-{n}",
        event="new",
        level=Level.ALERT,
        category="refund",
        score=0.93,
        caller=CallerId("0312345678"),
        evidence=(Evidence("還付金", 0.6), Evidence("ATM", 0.3)),
        transcript=_TURNS,
    )


def measure(box: MqttSettings, contact: MqttSettings, alerts: int, folder: Path) -> dict[str, object]:
    """Milliseconds for `alerts` alerts, after ten to warm up; `submit` is the part inside `submit`."""
    contact_key, unit_key = new_private_key(), UnitKey.load_or_create(folder / "unit.jwk")
    delivered: queue.Queue[float] = queue.Queue()
    confirmed: queue.Queue[float] = queue.Queue()
    reader = wire.Reader("bench", public_part(unit_key.jwk), "musume", contact_key)
    client = ContactClient(contact, reader, lambda _alert: delivered.put(time.perf_counter()))
    outbox = SqliteOutbox(folder / "calls.sqlite")
    contacts = [Contact("musume", "", public_text(contact_key))]
    sink = MqttAlerts(
        settings=box, unit="bench", contacts=lambda: contacts, key=unit_key, outbox=outbox, clock=_WallClock()
    )
    with ExitStack() as stack:
        stack.callback(outbox.close)
        client.start()
        stack.callback(client.close)
        sink.start(lambda _event: confirmed.put(time.perf_counter()))
        stack.callback(sink.close)
        until(lambda: client.wait_subscribed(0.1) and sink.wait_connected(0.1), "both connected")
        delays, submits, receipts = [], [], []
        for n in range(alerts + 10):
            decided = time.perf_counter()
            sink.submit(_alert(n), time.time())
            submits.append(time.perf_counter() - decided)
            delays.append(delivered.get(timeout=60) - decided)
            receipts.append(confirmed.get(timeout=60) - decided)
    figures = {"delivered": delays[10:], "receipt": receipts[10:], "submit": submits[10:]}
    return {"alerts": alerts} | {name: _figures(values) for name, values in figures.items()}


def _figures(seconds: list[float]) -> dict[str, float]:
    return {
        "median_ms": round(statistics.median(seconds) * 1000, 2),
        "p95_ms": round(statistics.quantiles(seconds, n=20)[-1] * 1000, 2),
        "max_ms": round(max(seconds) * 1000, 2),
    }


def throughput(port: int, alerts: int, folder: Path) -> dict[str, float]:
    """Messages a second into the outbox before the box connects, then out of it, all confirmed."""
    contact_key, unit_key = new_private_key(), UnitKey.load_or_create(folder / "unit2.jwk")
    outbox, confirmed = SqliteOutbox(folder / "calls2.sqlite"), queue.Queue[None]()
    contacts = [Contact("musume", "", public_text(contact_key))]
    settings = MqttSettings(port=port)
    sink = MqttAlerts(
        settings=settings, unit="bench2", contacts=lambda: contacts, key=unit_key, outbox=outbox, clock=_WallClock()
    )
    reader = wire.Reader("bench2", public_part(unit_key.jwk), "musume", contact_key)
    client = ContactClient(settings, reader, lambda _alert: None)
    with ExitStack() as stack:
        stack.callback(outbox.close)
        client.start()
        stack.callback(client.close)
        until(lambda: client.wait_subscribed(0.1), "the contact connected")
        began = time.perf_counter()
        for n in range(alerts):
            sink.submit(_alert(n), time.time())
        written = time.perf_counter() - began
        began = time.perf_counter()
        sink.start(lambda _event: confirmed.put(None))
        stack.callback(sink.close)
        for _ in range(alerts):
            confirmed.get(timeout=60)
        until(lambda: sink.status().pending == 0, "an empty outbox")
        delivered = time.perf_counter() - began
    return {"written_per_s": round(2 * alerts / written, 1), "delivered_per_s": round(2 * alerts / delivered, 1)}


def main() -> int:
    """Measure with each broker there is; exit 1 when Mosquitto is missing."""
    parser = argparse.ArgumentParser(description="Alerts on loopback: delay and throughput.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--alerts", type=int, default=200, help="alerts per broker, at least 100 (default 200)")
    options = parser.parse_args()
    figures: dict[str, object] = {"bench": "alerts"}
    # The outbox belongs on a real disk, where fsync costs what it costs: not /tmp, which may be memory.
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent) as name, ExitStack() as stack:
        folders = [Path(name, broker) for broker in ("mosquitto", "tls", "amqtt")]
        for folder in folders:
            folder.mkdir()
        try:
            mosquitto = stack.enter_context(running_mosquitto(folders[0]))
        except BrokerMissing as error:
            print(error, file=sys.stderr)
            return 1
        alerts, plain = max(100, options.alerts), MqttSettings(port=mosquitto.port)
        figures["mosquitto"] = measure(plain, plain, alerts, folders[0])
        figures["outbox"] = throughput(mosquitto.port, alerts, folders[0])
        guarded = LocalMosquitto(mosquitto_program(), folders[1] / "broker", "bench", ["musume"], time.time())
        guarded.start()
        stack.callback(guarded.stop)
        figures["mosquitto_tls"] = measure(guarded.settings("bench"), guarded.settings("musume"), alerts, folders[1])
        embedded = EmbeddedBroker()
        embedded.start()
        stack.callback(embedded.stop)
        small = MqttSettings(port=embedded.port)
        figures["amqtt"] = measure(small, small, alerts, folders[2])
    print(json.dumps(figures) if options.json else "\n".join(f"{key}: {value}" for key, value in figures.items()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
