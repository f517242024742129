"""Configuration: TOML → frozen dataclasses. Every key carries its meaning; all errors are reported at once.

`config.example.toml` is made from the keys here (`config_text.py`) by `denwaban config example`.
"""

# ruff: noqa: RUF009 -- `_key` is `dataclasses.field` with a meaning

from __future__ import annotations

import dataclasses
import difflib
import math
import os
import tomllib
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import cattrs
import platformdirs

from denwaban.config_limits import out_of_range
from denwaban.errors import ConfigError
from denwaban.rules import Action

T = TypeVar("T")

CONFIG_ENV: Final = "DENWABAN_CONFIG"
Engine = Literal["auto", "whisper", "vosk"]
Sensitivity = Literal["cautious", "normal", "quiet"]


def _key(default: Any, meaning: str, *, secret: bool = False) -> Any:
    meta = {"meaning": meaning, "secret": secret}
    if isinstance(default, (list, dict)):
        raise TypeError("defaults are immutable")
    return field(default=default, metadata=meta)


def default_data_dir() -> Path:
    """Where the box keeps its database, keys and recordings unless told otherwise."""
    return Path(platformdirs.user_data_dir("denwaban"))


@dataclass(frozen=True, slots=True)
class UnitConfig:
    """The box itself."""

    name: str = _key("unit1", "Name of this box in alert topics: letters, digits and hyphens.")
    data_dir: str = _key("", "Folder of database, keys, recordings and models. Empty: the user's data folder.")


@dataclass(frozen=True, slots=True)
class LineConfig:
    """The telephone line."""

    kind: Literal["modem", "listen"] = _key(
        "modem",
        "modem: a voice modem beside the telephone, which answers unknown callers. listen: a handset-cord recorder or "
        "line coupler at a sound input ([sound] line_input), which only listens to what the household answers.",
    )
    port: str = _key(
        "",
        "Serial port of the voice modem, best by /dev/serial/by-id/…; any pyserial URL. Empty: no line yet, "
        '`denwaban doctor` lists the ports; with kind = "listen" no modem is needed, one here reports numbers.',
    )
    profile: Literal["auto", "usr5637", "conexant", "multitech", "si24xx", "generic"] = _key(
        "auto", "Modem family: auto (asks the modem), usr5637, conexant, multitech, si24xx or generic."
    )
    number_service: bool = _key(
        True, "false: the line has no Number Display contract; then absent numbers are screened, never refused."
    )
    power_cycle_command: tuple[str, ...] = _key(
        (),
        "Program and arguments that cut the modem's USB power for some seconds when nothing else brings it back, for "
        'example ["uhubctl", "--location", "1-1", "--ports", "2", "--action", "cycle", "--delay", "10"]. Empty: none.',
    )


@dataclass(frozen=True, slots=True)
class ScreeningConfig:
    """Who gets through. Each class of caller: allow (rings as always), screen, or refuse (message, then hang up)."""

    allow: tuple[str, ...] = _key(
        (),
        "Known numbers: they ring through untouched and are never recorded. 0312345* means all that begin so. "
        "`denwaban lists` adds more without a restart.",
    )
    block: tuple[str, ...] = _key((), "Numbers that are refused; the allow list wins over them.")
    domestic: Action = _key("screen", "Numbers in Japan that are on no list.")
    withheld: Action = _key("refuse", "Callers who withhold their number. They hear how to call with it (186).")
    international: Action = _key("refuse", "Calls from abroad.")
    reported_abroad: Action = _key(
        "refuse", "Of these: countries from which carriers report abuse, and country codes that nobody has."
    )
    payphone: Action = _key("screen", "Payphones: after an earthquake the only telephone that works.")
    out_of_area: Action = _key("screen", "Networks that cannot pass a number on.")
    no_report: Action = _key("screen", "Calls without any report; never refused when number_service is false.")
    quiet_hours: str = _key(
        "",
        'Japanese time, such as "22:00-06:30", in which callers on no list are refused with a kind message; payphones '
        "and calls without a report are not, and without number_service nobody is. Empty: off.",
    )
    handset_wait_s: float = _key(40.0, "Seconds the household is called to the telephone before the box says goodbye.")
    max_call_s: float = _key(7200.0, "Seconds after which the box stops listening to one call.")
    message_s: float = _key(0.0, "Seconds a caller may speak a message where nobody comes to the telephone; 0: none.")
    fax: bool = _key(
        False, "true: there is a fax machine on the line; who sends a fax tone is let through when he tries again."
    )
    join_calls: bool = _key(
        True, "Listen, too, where the household lifts before the box does and the modem senses it (doctor says)."
    )
    join_outgoing: bool = _key(False, "true: listen where the household dials out and the modem senses it.")
    ring_through_min: float = _key(
        30.0, "Minutes in which the household may be called back after it has dialled out, where the modem senses that."
    )


@dataclass(frozen=True, slots=True)
class SpeechConfig:
    """Speech recognition, on the box."""

    engine: Engine = _key("auto", "auto (the engine the detector was measured with), whisper or vosk.")
    models_dir: str = _key("", "Folder of speech models. Empty: models/ in the data folder.")
    threads: int = _key(1, "Processor cores for recognition, 1 to 4.")


@dataclass(frozen=True, slots=True)
class DetectorConfig:
    """Judgement."""

    sensitivity: Sensitivity = _key("normal", "cautious (warns sooner), normal, or quiet (warns later).")
    share_words: bool = _key(
        False,
        "true: the household agrees that `denwaban calls feedback --words` exports what was said in marked calls.",
    )


@dataclass(frozen=True, slots=True)
class RecordingConfig:
    """Recordings of screened calls."""

    enabled: bool = _key(True, "Keep the audio of screened calls as FLAC.")
    keep_days: int = _key(30, "Days until a call is deleted: its recording, its words, its number.")
    max_mb: int = _key(1000, "Megabytes of recordings; the oldest go first.")


@dataclass(frozen=True, slots=True)
class AlertsConfig:
    """MQTT broker through which the family is told."""

    host: str = _key("", "Broker's host name. Empty: nobody is told (the household still hears the warning).")
    port: int = _key(1883, "Broker's port (8883 with TLS).")
    protocol: Literal["auto", "5", "3.1.1"] = _key("auto", "MQTT: auto (5, or 3.1.1 where 5 is refused), 5 or 3.1.1.")
    tls_ca: str = _key("", "File with the certificate authority. Empty: no TLS; 'system': the system's authorities.")
    username: str = _key("", "User at the broker. Empty: none.")
    password_file: str = _key("", "File that holds the password, readable by the box only. Empty: none.", secret=True)
    tls_cert: str = _key("", "File with a certificate of the box's own, for brokers that want one. Empty: none.")
    tls_key: str = _key("", "File with that certificate's private key. Empty: it is in tls_cert.")
    page: str = _key("", "Address of the family's page, https://…; pairing codes then open it. Empty: no page.")
    websocket: str = _key("", "The broker's address for that page, wss://…; the telephone must trust its certificate.")
    home_assistant: bool = _key(
        False, "true: show Home Assistant state, level and last alert, with a button for a drill; the broker sees them."
    )
    receipt_s: float = _key(
        30.0,
        "Seconds in which a contact's program must confirm an alert; then it is offered again, and others are told.",
    )
    reply_s: float = _key(
        120.0, "Seconds in which a contact should answer; then the contacts of the next turn are told."
    )


@dataclass(frozen=True, slots=True)
class SoundConfig:
    """The voice of the box in the room, and the ear of a listen-only line."""

    speaker: str = _key("", "Sound device by (part of) its name. Empty: the default device; 'none': silent.")
    volume: int = _key(100, "Loudness of the box's voice, 1 to 100: percent of what the device plays cleanly.")
    line_input: str = _key(
        "", 'Sound device of the telephone, for [line] kind = "listen", by (part of) its name. Empty: the default one.'
    )


@dataclass(frozen=True, slots=True)
class WebConfig:
    """The household's page in the home network: calls, lists, how the box is. Its PIN: `denwaban web code`."""

    host: str = _key("0.0.0.0", "Address to listen at; 127.0.0.1 for this computer only.")
    port: int = _key(8080, "Port of the page, 1024 or more unless started by root.")
    names: tuple[str, ...] = _key(
        (),
        "Names by which browsers may ask for the page, beside its address, this computer's name and that name with "
        ".local.",
    )


@dataclass(frozen=True, slots=True)
class PanelConfig:
    """Lamps and buttons, by GPIO number (BCM, 2 to 27); 0: not fitted. A button connects its pin to ground."""

    listening_pin: int = _key(0, "Lamp that is lit while the box listens.")
    alarm_pin: int = _key(0, "Lamp that blinks: slowly at caution, fast at an alert, twice and a pause at a fault.")
    family_pin: int = _key(0, "Button: call for the family's help.")
    stop_pin: int = _key(0, "Button: stop recording this call, and delete what was recorded.")
    fine_pin: int = _key(0, "Button: this caller is fine.")


@dataclass(frozen=True, slots=True)
class ContactConfig:
    """A family member who is told, beside those of `denwaban contacts`. Without `key_file` no details, no answers."""

    name: str = _key("", "Name in the contact's topic: letters, digits and hyphens.")
    role: str = _key("", "How the household calls this person, for example 娘さん.")
    key_file: str = _key("", "The contact's public key (JWK, P-256); details are encrypted to it. Empty: no details.")
    notify_file: str = _key(
        "",
        "File with addresses of Apprise, one a line, tried in order: short notes by e-mail, LINE and others.",
        secret=True,
    )
    detail: Literal["minimal", "words", "transcript"] = _key(
        "transcript", "minimal (kind of scam, advice), words (also number and words that counted) or transcript (all)."
    )
    language: Literal["ja", "en"] = _key("ja", "ja or en: the language in which the kind of scam is named.")
    hours: str = _key("", 'Japanese time, such as "07:00-22:00", outside which this contact is told last. Empty: none.')
    turn: int = _key(1, "1 is told at once, 2 when nobody of 1 has answered, and so on.")


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration."""

    unit: UnitConfig = UnitConfig()
    line: LineConfig = LineConfig()
    screening: ScreeningConfig = ScreeningConfig()
    speech: SpeechConfig = SpeechConfig()
    detector: DetectorConfig = DetectorConfig()
    recording: RecordingConfig = RecordingConfig()
    alerts: AlertsConfig = AlertsConfig()
    sound: SoundConfig = SoundConfig()
    web: WebConfig = WebConfig()
    panel: PanelConfig = PanelConfig()
    contacts: tuple[ContactConfig, ...] = ()

    @property
    def data_dir(self) -> Path:
        return Path(self.unit.data_dir).expanduser() if self.unit.data_dir else default_data_dir()

    @property
    def models_dir(self) -> Path:
        return Path(self.speech.models_dir).expanduser() if self.speech.models_dir else self.data_dir / "models"


# --- reading -------------------------------------------------------------------------------------------------------


def load_config(path: Path) -> Config:
    """Read and check a file. Raises ConfigError with every problem found."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(str(path), (f"cannot be read: {error.strerror}",)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), (f"is not TOML: {error}",)) from error
    return parse_config(table, str(path))


def parse_config(table: dict[str, Any], source: str) -> Config:
    """Check a parsed table. Raises ConfigError with every problem found."""
    try:
        config = _CONVERTER.structure(table, Config)
    except cattrs.BaseValidationError as error:
        raise ConfigError(source, tuple(_explain(error, ""))) from error
    problems = tuple(out_of_range(config))
    if problems:
        raise ConfigError(source, problems)
    return config


def user_config() -> Path:
    """The user's own configuration, there or not."""
    return Path(platformdirs.user_config_dir("denwaban")) / "config.toml"


def find_config(given: Path | None) -> Path | None:
    """The file to use: the one given, $DENWABAN_CONFIG, ./config.toml, or the user's; None if there is none."""
    if given is not None:
        return given
    if from_env := os.environ.get(CONFIG_ENV):
        return Path(from_env)
    for candidate in (Path("config.toml"), user_config()):
        if candidate.is_file():
            return candidate
    return None


def _strict(kind: type[T], name: str) -> Callable[[Any, Any], T]:
    def structure(value: Any, _type: Any) -> T:
        # bool is a subclass of int; TOML 1 for a float is fine, "1" for a number is not.
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            return kind(value)  # type: ignore[call-arg]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise ValueError(f"must be {name}, not {value!r}")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"must be {name}, not {value}")  # TOML knows inf and nan, no deadline does
        return value

    return structure


def _literal(value: Any, kind: Any) -> Any:
    choices = typing.get_args(kind)
    if value not in choices or not isinstance(value, str):
        hint = difflib.get_close_matches(str(value), choices, 1)
        raise ValueError(f"must be one of {', '.join(choices)}, not {value!r}" + _did_you_mean(hint))
    return value


def _is_literal(kind: Any) -> bool:
    origin: Any = typing.get_origin(kind)
    return origin is Literal


def _is_tuple(kind: Any) -> bool:
    origin: Any = typing.get_origin(kind)
    return origin is tuple


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
    for kind, name in ((str, "text in quotes"), (int, "a whole number"), (float, "a number"), (bool, "true or false")):
        converter.register_structure_hook(kind, _strict(kind, name))
    converter.register_structure_hook_func(_is_literal, _literal)

    def list_hook(kind: Any) -> Callable[[Any, Any], Any]:
        # Without this a text would be taken for a list of its characters.
        def structure(value: Any, _type: Any) -> Any:
            if not isinstance(value, list):
                raise ValueError(f"must be a list (values in [ ], tables under [[ ]]), not {value!r}")
            items: Any = list[typing.get_args(kind)[0]]  # type: ignore[misc]
            return tuple(converter.structure(value, items))

        return structure

    converter.register_structure_hook_factory(_is_tuple, list_hook)
    return converter


_CONVERTER: Final = _converter()


def _did_you_mean(hint: list[str]) -> str:
    return f" (did you mean {hint[0]}?)" if hint else ""


def _explain(error: BaseException, path: str) -> Iterator[str]:
    """One sentence per problem in cattrs' tree of exceptions."""
    if isinstance(error, cattrs.BaseValidationError):
        attributes, others = error.group_exceptions() if hasattr(error, "group_exceptions") else ([], error.exceptions)
        for inner, note in attributes:
            step = getattr(note, "name", getattr(note, "index", ""))
            yield from _explain(inner, f"{path}[{step}]" if isinstance(step, int) else f"{path}.{step}".lstrip("."))
        for inner in others:
            yield from _explain(inner, path)
    elif isinstance(error, cattrs.ForbiddenExtraKeysError):
        known = [item.name for item in dataclasses.fields(error.cl)]
        for extra in sorted(error.extra_fields):
            close = difflib.get_close_matches(extra, known, 1)
            where = f"{path}.{extra}".lstrip(".")
            yield f"unknown key {where}" + (_did_you_mean(close) or f"; known here: {', '.join(known)}")
    elif isinstance(error, (TypeError, AttributeError)):
        yield f"{path}: has the wrong shape (a table, a list or a value?)"
    else:
        yield f"{path}: {error}"
