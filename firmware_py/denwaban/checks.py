"""The checks behind `doctor`: each yields what it found and what to do. None of them changes anything."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from serial.tools import list_ports

from denwaban.alert.apprise_sender import apprise_sender
from denwaban.alert.notify import addresses
from denwaban.alerting import contacts_of, tells_anybody
from denwaban.app import engine_of
from denwaban.audio.prompts import PromptLibrary
from denwaban.clock import SystemClock
from denwaban.config import Config
from denwaban.detect.model import ScamModel, load_model
from denwaban.errors import DenwabanError
from denwaban.finding import Finding
from denwaban.line.encoding import Law
from denwaban.line.modem import identify
from denwaban.line.probe import ModemFacts
from denwaban.line.profiles import PROFILES
from denwaban.panel.gpio import fitted, open_gpio
from denwaban.paths import page_secrets
from denwaban.shipped import shipped_models
from denwaban.sound_checks import check_line_input, check_speaker
from denwaban.transcribe.catalog import load_catalog
from denwaban.transcribe.engine import MODELS, require_packages

DISK_FREE_MB: Final = 500
BROKER_LIMIT_S: Final = 5.0
BUILT_AFTER: Final = 1_767_225_600.0
"""2026-01-01: a clock that shows less has not been set (a Pi has none of its own)."""


def run_checks(config: Config) -> Iterator[Finding]:
    """All findings, in the order in which a person would mend them."""
    checks: tuple[Callable[[Config], Iterator[Finding]], ...] = (
        _ports,
        check_line_input,
        _modem,
        _detector,
        _speech,
        _prompts,
        check_speaker,
        _panel,
        _broker,
        _page,
        _disk,
        _clock,
    )
    for check in checks:
        yield from check(config)


def _ports(config: Config) -> Iterator[Finding]:
    found = [f"{port.device} ({port.description})" for port in list_ports.comports()]
    listed = ", ".join(found) or "none"
    if config.line.kind == "listen":
        yield from _listens_only(with_numbers=bool(config.line.port))
    elif not config.line.port:
        yield Finding("line", "bad", f"[line] port is empty; serial ports here: {listed}", _pick_port())
    else:
        yield Finding("line", "ok", f"port {config.line.port}; serial ports here: {listed}")


def _listens_only(*, with_numbers: bool) -> Iterator[Finding]:
    yield Finding(
        "line",
        "note",
        "is only listened to, from the moment the household lifts: no caller is told so, refused or cut off",
    )
    if not with_numbers:
        yield Finding(
            "caller's number",
            "note",
            "a handset's cord carries none: every call is listened to and recorded, known callers' too",
            "a modem beside it at [line] port reports the numbers; a coupler on the line itself hears them",
        )


def _pick_port() -> str:
    return "run `denwaban setup`; or set [line] port to a name under /dev/serial/by-id/, or what `denwaban sim` prints"


def _modem(config: Config) -> Iterator[Finding]:
    port = config.line.port
    if not port:
        return
    if port.startswith("/") and not os.path.exists(port):
        yield Finding(
            "modem", "bad", f"{port} does not exist", "plug in the modem; check the name under /dev/serial/by-id/"
        )
        return
    if port.startswith("/") and not os.access(port, os.R_OK | os.W_OK):
        yield Finding("modem", "bad", f"no permission for {port}", "sudo usermod -aG dialout $USER, then log in again")
        return
    try:
        facts = identify(port, SystemClock(), PROFILES.get(config.line.profile))
    except DenwabanError as error:
        yield Finding(
            "modem", "bad", str(error), "is another program using the port? unplug the modem for 10 s and try again"
        )
    else:
        yield from explain_modem(facts, config.line.number_service)


def explain_modem(facts: ModemFacts, number_service: bool) -> Iterator[Finding]:
    """What a modem can and cannot do, in plain words. `number_service`: the line is said to have Number Display."""
    who = f"{facts.name} ({facts.title}), firmware {facts.revision or 'unknown'}"
    if facts.encoding is None:
        what, _, do = facts.unusable.partition("; ")
        yield Finding("modem", "bad", f"{who}: {what}", do, facts)
        return
    yield Finding("modem", "ok", f"{who}, voice, audio {_AUDIO[facts.encoding.law]}", facts=facts)
    yield _country(facts)
    yield _caller_number(facts, number_service)
    yield _handset(facts)
    yield _end_of_call(facts)
    for note in facts.notes:
        yield Finding("about the modem", "note", note)


_AUDIO: Final[dict[Law, str]] = {
    "linear16": "16-bit linear",
    "ulaw": "µ-law",
    "alaw": "A-law",
    "linear8": "8-bit linear (quiet voices are recognised less well)",
}


def _country(facts: ModemFacts) -> Finding:
    match facts.japan:
        case "set":
            return Finding("country", "ok", "set to Japan")
        case "unavailable":
            return Finding(
                "country",
                "note",
                "this unit cannot be set to Japan (AT+GCI): the caller's number will not come, and the short rings "
                "before it may be reported as rings",
                "use a unit that offers Japan",
            )
        case "unknown":
            return Finding("country", "note", "the modem does not say for which country it is set (AT+GCI)")


def _caller_number(facts: ModemFacts, number_service: bool) -> Finding:
    without = "set [line] number_service = false, so that nobody is refused for want of a number"
    if not number_service:
        return Finding("caller's number", "ok", "not expected: [line] number_service = false")
    if not facts.shows_caller:
        return Finding("caller's number", "note", "this modem cannot show it on a Japanese line", without)
    if facts.caller_id == "documented":
        return Finding("caller's number", "ok", "documented by the maker for Japan; not tried by us on a real line")
    return Finding(
        "caller's number",
        "note",
        "unproven: the modem takes the commands, but we know of no manual and no test by which it reads Number Display",
        f"call from a mobile telephone and look at `denwaban calls list`; if no number stands there, {without}",
    )


def _handset(facts: ModemFacts) -> Finding:
    deaf = "a call that the household answers first is not heard"
    match facts.senses_extension:
        case True:
            return Finding("telephone", "ok", f"the modem says that it reports when it is lifted during a call; {deaf}")
        case False:
            told = "the modem does not report when it is lifted"
        case None:
            told = "the modem does not say whether it reports when it is lifted"
    return Finding("telephone", "note", f"{told}: the box goes by the voices it hears; {deaf}")


def _end_of_call(facts: ModemFacts) -> Finding:
    match facts.reports_busy:
        case True:
            told = "the modem says that it reports busy tone"
        case False:
            told = "the modem does not report busy tone while it records"
        case None:
            told = "the modem does not say whether it reports busy tone"
    return Finding("end of call", "ok", f"{told}; the box listens for it itself")


def _detector(config: Config) -> Iterator[Finding]:
    try:
        model = load_model(shipped_models() / "scam-ja")
    except DenwabanError as error:
        yield Finding("detector", "bad", str(error))
        return
    yield Finding("detector", "ok", f"scam-ja version {model.card.version}")
    yield from _engine(config, model)


def _engine(config: Config, model: ScamModel) -> Iterator[Finding]:
    engine = engine_of(config, model)
    if engine != model.card.engine:
        yield Finding(
            "engine",
            "note",
            f"{engine} is unmeasured with this detector (its figures are for {model.card.engine})",
            f'run `make eval ENGINE={engine}`, or set [speech] engine = "auto"',
        )
    try:
        require_packages(engine)
    except DenwabanError as error:
        yield Finding("engine", "bad", str(error))


def _speech(config: Config) -> Iterator[Finding]:
    try:
        engine = engine_of(config, load_model(shipped_models() / "scam-ja"))
        model_id = MODELS[engine]
        catalog = load_catalog(shipped_models() / "catalog.toml")
        if not (config.models_dir / model_id).is_dir():
            yield Finding(
                "speech model", "bad", f"{model_id} is not in {config.models_dir}", f"denwaban models fetch {model_id}"
            )
            return
        catalog.verify(model_id, config.models_dir)
    except DenwabanError as error:
        yield Finding("speech model", "bad", str(error))
    else:
        yield Finding("speech model", "ok", f"{model_id}, every file as in the catalogue")


def _prompts(_config: Config) -> Iterator[Finding]:
    try:
        missing = PromptLibrary().missing()
    except DenwabanError as error:
        yield Finding("prompts", "bad", str(error))
        return
    names = ", ".join(path.name for path in missing)
    yield (
        Finding("prompts", "bad", f"missing: {names}", "reinstall denwaban")
        if missing
        else Finding("prompts", "ok", "all there")
    )


def _panel(config: Config) -> Iterator[Finding]:
    names = fitted(config.panel)
    if not names:
        yield Finding("lamps and buttons", "ok", "none fitted")
        return
    listed = ", ".join(f"{name} GPIO {pin}" for name, pin in names.items())
    try:
        open_gpio().close()
    except DenwabanError as error:
        yield Finding("lamps and buttons", "bad", f"{listed}: {error}")
    else:
        yield Finding(
            "lamps and buttons", "ok", f"{listed}; whether something hangs there, only a look and a press tell"
        )
    if config.panel.listening_pin == 0:
        yield Finding("listening lamp", "note", "none: nobody sees when the box listens", "set [panel] listening_pin")


def _broker(config: Config) -> Iterator[Finding]:
    alerts = config.alerts
    if not alerts.host:
        told = (
            "contacts get notes, and cannot answer"
            if tells_anybody(config)
            else "the household is warned, the family is not"
        )
        yield Finding("broker", "note", f"none: {told}", "set [alerts] host")
        if tells_anybody(config):
            yield from _contacts(config)
        return
    try:
        socket.create_connection((alerts.host, alerts.port), timeout=BROKER_LIMIT_S).close()
    except OSError as error:
        yield Finding(
            "broker", "bad", f"{alerts.host}:{alerts.port}: {error}", "alerts wait in the outbox until it answers"
        )
    else:
        yield Finding("broker", "ok", f"{alerts.host}:{alerts.port} accepts connections")
    yield from _contacts(config)


def _contacts(config: Config) -> Iterator[Finding]:
    try:
        contacts = contacts_of(config)()
    except DenwabanError as error:
        yield Finding("contacts", "bad", str(error))
        return
    for contact in contacts:
        if contact.notify_file is not None:
            yield from _notes(contact.name, contact.notify_file)
    without = [contact.name for contact in contacts if contact.public_jwk is None and contact.notify_file is None]
    if not contacts:
        yield Finding("contacts", "note", "nobody is registered", "denwaban contacts pair NAME")
    elif without:
        yield Finding(
            "contacts",
            "note",
            f"without a key, so without details and answers: {', '.join(without)}",
            "denwaban contacts pair NAME",
        )


def _notes(name: str, file: Path) -> Iterator[Finding]:
    try:
        apprise_sender()
        urls = addresses(file)
    except DenwabanError as error:
        yield Finding("notes", "bad", f"contact {name}: {error}")
    else:
        kinds = ", ".join(url.partition("://")[0] if "://" in url else "not an address" for url in urls)
        yield Finding(
            "notes", "ok", f"contact {name}: {kinds}; whether they arrive, `denwaban contacts test {name}` tells"
        )


def _page(config: Config) -> Iterator[Finding]:
    if importlib.util.find_spec("argon2") is None or importlib.util.find_spec("starlette") is None:
        yield Finding("page", "note", "the household's page is not installed", "pip install 'denwaban[web]'")
        return
    from denwaban.web.pin import PinFile  # noqa: PLC0415 - only where the extra `web` is installed

    if PinFile(page_secrets(config)).is_set():
        yield Finding("page", "ok", f"a PIN is chosen; http, port {config.web.port}")
    else:
        yield Finding("page", "note", "shows nothing: no PIN is chosen yet", "denwaban web code")


def _disk(config: Config) -> Iterator[Finding]:
    folder = config.data_dir
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free // 10**6
    if not os.access(folder, os.W_OK):
        yield Finding("disk", "bad", f"{folder} cannot be written", "check owner and mount of the data folder")
    elif free < DISK_FREE_MB:
        yield Finding("disk", "bad", f"{free} MB free in {folder}", "make room, or lower [recording] max_mb")
    else:
        yield Finding("disk", "ok", f"{free} MB free in {folder}")


def _clock(_config: Config) -> Iterator[Finding]:
    if time.time() < BUILT_AFTER:
        yield Finding(
            "clock", "note", "not set yet: times of calls will be wrong, TLS may refuse", "connect the network (NTP)"
        )
    else:
        yield Finding("clock", "ok", time.strftime("%Y-%m-%d %H:%M %Z"))
