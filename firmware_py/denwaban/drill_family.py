"""What a drill on one machine needs beside the box: a Mosquitto, and a contact's program that pairs and answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from jwcrypto.jwk import JWK

from denwaban.alert.keys import UnitKey, public_text, thumbprint
from denwaban.alert.mosquitto import LocalMosquitto
from denwaban.alert.pair_link import accept, invite
from denwaban.alert.pairing import Invitation, new_code
from denwaban.alert.profile import Profile
from denwaban.alert.wire import Reader
from denwaban.alerting import mqtt_settings
from denwaban.clock import SystemClock
from denwaban.config import AlertsConfig, Config, UnitConfig
from denwaban.errors import DenwabanError
from denwaban.events import Reply
from denwaban.paths import database_path, unit_key_path
from denwaban.rehearsal import Report
from denwaban.store.contacts import ContactBook
from denwaban.store.rows import PairedContact

UNIT: Final = "drill"
CONTACT: Final = "daughter"
ROLE: Final = "娘さん"
_PAIR_S: Final = 30.0
_END_S: Final = 20.0


@contextmanager
def local_family(program: str, folder: Path, reply: Reply, report: Report) -> Iterator[Config]:
    """The configuration of a box whose broker runs and whose contact listens, from here until the end of the block."""
    broker = LocalMosquitto(program, folder / "broker", UNIT, [CONTACT], SystemClock().wall())
    broker.start()
    try:
        config = _config(folder, broker)
        _pair(config, broker, folder / "phone")
        with _listening(folder / "phone", reply, report):
            yield config
    finally:
        broker.stop()


def _config(folder: Path, broker: LocalMosquitto) -> Config:
    settings = broker.settings(UNIT)
    return Config(
        unit=UnitConfig(name=UNIT, data_dir=str(folder / "box")),
        alerts=AlertsConfig(
            host=settings.host,
            port=settings.port,
            tls_ca=str(settings.ca_file),
            username=UNIT,
            password_file=str(settings.password_file),
        ),
    )


def _pair(config: Config, broker: LocalMosquitto, phone: Path) -> None:
    """Both sides of pairing, over the broker, as two people would do it."""
    config.data_dir.mkdir(mode=0o700, parents=True)
    unit_key, settings = UnitKey.load_or_create(unit_key_path(config)), broker.settings(CONTACT)
    kid = thumbprint(unit_key.jwk)
    invitation = Invitation(UNIT, kid, CONTACT, settings.host, settings.port, tls=True, code=new_code())
    shown = threading.Event()

    def keep(key: JWK) -> None:
        terms = ("transcript", "ja", "", 1, SystemClock().wall())
        ContactBook(database_path(config)).put(PairedContact(CONTACT, ROLE, public_text(key), *terms))

    box = threading.Thread(
        target=invite,
        args=(mqtt_settings(config), invitation, unit_key, _PAIR_S, shown.set, keep),
        name="pairing",
        daemon=True,
    )
    box.start()
    if not shown.wait(_PAIR_S):
        raise DenwabanError("the box could not show its code: its broker did not take part")
    key, pinned = accept(settings, invitation, _PAIR_S)
    box.join(_PAIR_S)
    Profile(Reader(UNIT, pinned, CONTACT, key), settings).save(phone / "profile.json")


@contextmanager
def _listening(phone: Path, reply: Reply, report: Report) -> Iterator[None]:
    """`denwaban contact listen` in a process of its own; what it shows is reported."""
    command = [sys.executable, "-m", "denwaban", "contact", "listen", "--json", "--reply", reply, "--profile"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    listens = threading.Event()
    with subprocess.Popen([*command, str(phone)], stdout=subprocess.PIPE, text=True, env=environment) as process:
        reader = threading.Thread(target=_read, args=(process, listens, report), name="contact", daemon=True)
        reader.start()
        try:
            if not listens.wait(_PAIR_S):
                raise DenwabanError("the contact's program could not subscribe at the broker")
            yield
        finally:
            process.terminate()
            process.wait(_END_S)
            reader.join(_END_S)


def _read(process: subprocess.Popen[str], listens: threading.Event, report: Report) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        said: dict[str, Any] = json.loads(line)
        if said["event"] == "listening":
            listens.set()
        else:
            fields = {name: said[name] for name in ("id", "level", "drill", "number", "evidence", "advice")}
            report({"event": "contact_shows", "kind": said["event"], "scam": said["kind"], **fields})
