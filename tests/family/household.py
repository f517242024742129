"""A household with a box, a broker that wants passwords and TLS, and the family's page as a web server hands it out."""

from __future__ import annotations

import functools
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from denwaban.alert.keys import UnitKey, thumbprint
from denwaban.alert.mqtt import MqttAlerts
from denwaban.alert.pairing import Invitation
from denwaban.alert.push import PushingAlerts, PushSender
from denwaban.alerting import contacts_of, mqtt_settings, push_sender, start_alerts
from denwaban.cli import main
from denwaban.clock import SystemClock
from denwaban.config import Config, load_config
from denwaban.paths import database_path, unit_key_path
from denwaban.store.contacts import ContactBook
from denwaban.store.outbox import SqliteOutbox
from tests.alert.alert_desk import Listener, certificate
from tests.fixtures_broker import Mosquitto, free_port

UNIT, CONTACT = "box-1", "daughter"
PASSWORD = "a password of the broker"
PROGRAM = [sys.executable, "-m", "denwaban"]
RIGHTS = Path(__file__).parents[2] / "deploy" / "broker-users"
DIST = Path(__file__).parents[2] / "family" / "dist"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--ignore-certificate-errors",  # the broker's is made for the test; no telephone would trust it
)


class _Page(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".webmanifest": "application/manifest+json"}

    def log_message(self, *_: object) -> None:
        pass


class Pushing(PushingAlerts):
    """Both ways of delivery, which end together."""

    def __init__(self, alerts: MqttAlerts, sender: PushSender) -> None:
        super().__init__(alerts, sender)
        self._both = (sender, alerts)

    def close(self) -> None:
        for one in self._both:
            one.close()


class Household:
    """Everything but the telephone in the daughter's hand. `page`: the address of her page."""

    def __init__(self, folder: Path, stack: ExitStack, name: str = "localhost") -> None:
        self.folder, self.stack = folder, stack
        self.broker = self._broker()
        self.page = self._serve(name)
        self.config_file = folder / "config.toml"
        (folder / "box-password").write_text(PASSWORD + "\n")
        self.config_file.write_text(
            f'[unit]\nname = "{UNIT}"\ndata_dir = "{folder / "box"}"\n'
            f'[alerts]\nhost = "127.0.0.1"\nport = {self.broker.port}\ntls_ca = "{folder / "broker.pem"}"\n'
            f'username = "{UNIT}"\npassword_file = "{folder / "box-password"}"\n'
            f'page = "{self.page}"\nwebsocket = "{self.websocket}"\n'
        )

    @property
    def config(self) -> Config:
        return load_config(self.config_file)

    @property
    def book(self) -> ContactBook:
        return ContactBook(database_path(self.config))

    def command(self, *words: str) -> int:
        return main([*words, "--config", str(self.config_file)])

    def started(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """A command of the box, under way; its lines are on `stdout`."""
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | environment
        process = subprocess.Popen(
            [*PROGRAM, *words, "--config", str(self.config_file)], stdout=subprocess.PIPE, text=True, env=environment
        )

        def end() -> None:
            process.terminate()
            process.communicate(timeout=60)

        self.stack.callback(end)
        return process

    def invited(self) -> tuple[subprocess.Popen[str], str]:
        """A box that shows a code for the daughter, and the address in it."""
        password = str(self.folder / "box-password")
        pairing = self.started("contacts", "pair", CONTACT, "--role", "娘さん", "--broker-password", password)
        assert pairing.stdout is not None
        lines = iter(pairing.stdout.readline, "")
        return pairing, next(line.strip() for line in lines if line.startswith(("denwaban:", "http")))

    def unanswered(self) -> str:
        """The address of a code whose time is over."""
        kid = thumbprint(UnitKey.load_or_create(unit_key_path(self.config)).jwk)
        invitation = Invitation(
            *(UNIT, kid, CONTACT, "127.0.0.1", self.broker.port, True, "over"),
            websocket=self.websocket,
            username=CONTACT,
            password=PASSWORD,
        )
        return invitation.url()

    @contextmanager
    def listener(self, topic: str) -> Iterator[Listener]:
        """An ear at the broker, with the daughter's rights."""
        subscribed = threading.Event()
        with self._client(CONTACT) as client:
            listener = Listener(client, queue.Queue())
            client.on_message = lambda _client, _data, message: listener.messages.put(message)
            client.on_subscribe = lambda *_: subscribed.set()
            client.subscribe(topic, 1)
            assert subscribed.wait(60)
            yield listener

    def say(self, topic: str, payloads: list[bytes]) -> None:
        """Whatever whoever holds the box's password may send."""
        with self._client(UNIT) as client:
            for payload in payloads:
                client.publish(topic, payload, 1).wait_for_publish(60)

    @contextmanager
    def _client(self, user: str) -> Iterator[paho.Client]:
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.username_pw_set(user, PASSWORD)
        client.tls_set(str(self.folder / "broker.pem"))
        client.connect("127.0.0.1", self.broker.port)
        client.loop_start()
        try:
            yield client
        finally:
            client.disconnect()
            client.loop_stop()

    def close_page(self) -> None:
        """The web server is away from here on."""
        self._server.shutdown()
        self._server.server_close()
        self._serving.join(10)

    def box_that_pushes(self, told: list[object]) -> Pushing:
        """The same, waking telephones as well; `close` ends it."""
        sender = push_sender(self.config, SystemClock(), database_path(self.config))
        assert sender is not None
        self.stack.callback(sender.close)
        return Pushing(self.box(told, push=sender), sender)

    def box(self, told: list[object], push: PushSender | None = None, **more: object) -> MqttAlerts:
        """The alert stage of a box at work."""
        outbox = SqliteOutbox(database_path(self.config))
        self.stack.callback(outbox.close)
        box = MqttAlerts(
            settings=mqtt_settings(self.config),
            unit=UNIT,
            contacts=contacts_of(self.config),
            key=UnitKey.load_or_create(unit_key_path(self.config)),
            outbox=outbox,
            clock=SystemClock(),
            **more,
        )
        start_alerts(box, push, told.append)
        self.stack.callback(box.close)
        return box

    def _broker(self) -> Mosquitto:
        pem, key = certificate(self.folder)
        rights = subprocess.run([RIGHTS, "--rights", UNIT, CONTACT], check=True, capture_output=True).stdout
        (self.folder / "acl").write_bytes(rights)
        (self.folder / "passwords").write_text(f"{UNIT}:{PASSWORD}\n{CONTACT}:{PASSWORD}\n")
        subprocess.run(["mosquitto_passwd", "-U", self.folder / "passwords"], check=True)
        tls = f"certfile {pem}\nkeyfile {key}\n"
        port = free_port()
        self.websocket = f"wss://127.0.0.1:{port}/mqtt"
        broker = Mosquitto(
            self.folder,
            f"{tls}listener {port} 127.0.0.1\nprotocol websockets\n{tls}allow_anonymous false\n"
            f"password_file {self.folder / 'passwords'}\nacl_file {self.folder / 'acl'}\n",
        )
        broker.start()
        self.stack.callback(broker.stop)
        return broker

    def _serve(self, name: str) -> str:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Page, directory=DIST))
        self._serving = threading.Thread(target=self._server.serve_forever, name="page")
        self._serving.start()
        self.stack.callback(self.close_page)
        return f"http://{name}:{self._server.server_port}/"
