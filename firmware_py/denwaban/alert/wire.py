"""The alert wire, version 1: topics and messages. Pure: no I/O, no clock. Described for other programs in docs/wire.md.

The envelope says that there is an alert; anybody with access to the broker may read it. The detail says what was heard;
only the contact it is encrypted to can read it. A detail repeats unit, alert id, sequence and contact inside its
signature, so it cannot be moved to another alert or passed on to another contact as if the unit had sent it there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeVar, cast, get_args

from jwcrypto.jwk import JWK

from denwaban.alert.seal import MAX_BYTES, decrypt, encrypt, from_json, sign, to_json, verify
from denwaban.alert.settings import DetailLevel, Language
from denwaban.alert.words import words_for
from denwaban.effects import Hearing, SendAlert
from denwaban.errors import WireError
from denwaban.events import Level

VERSION: Final = 1
ONLINE: Final = b"online"
OFFLINE: Final = b"offline"

AlertEvent = Literal["new", "update", "end"]

_ENVELOPE: Final = "denwaban-envelope"
_DETAIL: Final = "denwaban-detail"
_HEALTH: Final = "denwaban-health"
_NAME: Final = re.compile(r"[^/+#$\x00-\x20\x7f-\x9f\ud800-\udfff]{1,64}")
"""One level of an MQTT topic (MQTT 3.1.1 §4.7)."""

# Bounds of a detail. Worst case, every character escaped to six bytes: 29 kB, 52 kB after both base64 layers (16/9).
_MAX_TURNS: Final = 12
_MAX_TURN_CHARS: Final = 300
_MAX_PHRASES: Final = 10
_MAX_PHRASE_CHARS: Final = 80
_MAX_NUMBER_CHARS: Final = 40

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Envelope:
    """That there is an alert. `at`: seconds since the epoch. `sequence` rises by one with each event of the unit."""

    unit: str
    id: str
    event: AlertEvent
    level: Level
    at: float
    sequence: int
    drill: bool


@dataclass(frozen=True, slots=True)
class Detail:
    """What was heard. `kind` and `advice` are Japanese, for people; `transcript` is (side, text)."""

    category: str
    kind: str
    score: float
    number: str | None
    absence: str | None
    evidence: tuple[str, ...]
    transcript: tuple[tuple[str, str], ...]
    advice: str
    receipt: str = ""
    """The nonce to name in the receipt; empty: none is wanted."""
    choices: tuple[tuple[str, str], ...] = ()
    """(reply, nonce) that may be answered. What is not among them is not possible."""


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the unit screens callers. `sequence` is of the same counter as that of envelopes."""

    unit: str
    hearing: Hearing
    reason: str
    at: float
    sequence: int
    drill: bool
    drill_nonce: str = ""
    """The nonce to name when asking for a drill; empty: none can be asked for."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: a contact of a unit, whose public key was pinned at pairing. Without `private_key`, envelopes only."""

    unit: str
    unit_key: JWK
    contact: str
    private_key: JWK | None = None


def checked_name(name: str, what: str) -> str:
    """`name` if it can be one level of a topic; WireError naming `what` otherwise."""
    if not _NAME.fullmatch(name):
        raise WireError(f"{what} {name!r}: want 1 to 64 characters without / + # $ or spaces")
    return name


def availability_topic(unit: str) -> str:
    """Retained `online` or `offline`."""
    return f"denwaban/v{VERSION}/{checked_name(unit, 'unit')}/availability"


def health_topic(unit: str) -> str:
    """Retained: the last report of health, signed."""
    return f"denwaban/v{VERSION}/{checked_name(unit, 'unit')}/health"


def echo_topic(unit: str) -> str:
    """Where the unit writes to itself, to find out whether the broker lets it hear its contacts."""
    return reply_topic(unit, "_echo")


def state_topic(unit: str) -> str:
    """Retained, where it is wanted: what home automation is shown."""
    return f"denwaban/v{VERSION}/{checked_name(unit, 'unit')}/state"


def drill_topic(unit: str) -> str:
    """Where home automation asks for a drill."""
    return f"denwaban/v{VERSION}/{checked_name(unit, 'unit')}/command/drill"


def alert_topic(unit: str) -> str:
    """Envelopes for everybody."""
    return f"denwaban/v{VERSION}/{checked_name(unit, 'unit')}/alert"


def contact_topic(unit: str, contact: str) -> str:
    """Messages for one contact."""
    return f"{alert_topic(unit)}/{checked_name(contact, 'contact')}"


def reply_topic(unit: str, contact: str = "+") -> str:
    """Receipts and answers of one contact, or (as a filter) of all."""
    name = contact if contact == "+" else checked_name(contact, "contact")
    return f"denwaban/v{VERSION}/{checked_name(unit, 'unit')}/reply/{name}"


def detail_of(alert: SendAlert, level: DetailLevel = "transcript", language: Language = "ja") -> Detail:
    """What a contact is told about an alert at this level of detail, cut to the bounds of the wire."""
    words = words_for(alert.category)
    if level == "minimal":
        alert = replace(alert, caller=None, evidence=())
    if level != "transcript":
        alert = replace(alert, transcript=())
    strongest = sorted(alert.evidence, key=lambda item: -item.weight)[:_MAX_PHRASES]
    number = alert.caller.number if alert.caller else None
    return Detail(
        category=alert.category,
        kind=words.kind if language == "ja" else words.kind_en,
        score=alert.score,
        number=number[:_MAX_NUMBER_CHARS] if number else None,
        absence=alert.caller.absence if alert.caller else None,
        evidence=tuple(item.phrase[:_MAX_PHRASE_CHARS] for item in strongest),
        transcript=tuple((side, text[:_MAX_TURN_CHARS]) for side, text in alert.transcript[-_MAX_TURNS:]),
        advice=words.advice,
    )


def public_message(envelope: Envelope, unit_key: JWK) -> bytes:
    """The payload for everybody, signed by the unit (`unit_key`: private)."""
    return to_json({"v": VERSION, "signed": _signed_envelope(envelope, unit_key)})


def contact_message(envelope: Envelope, detail: Detail, unit_key: JWK, contact: str, contact_key: JWK) -> bytes:
    """The payload for one contact: the envelope, and the detail signed by the unit, then encrypted to `contact_key`."""
    body = {
        **{"v": VERSION, "unit": envelope.unit, "id": envelope.id, "sequence": envelope.sequence, "contact": contact},
        **{"category": detail.category, "kind": detail.kind, "score": detail.score},
        **{"number": detail.number, "absence": detail.absence, "evidence": list(detail.evidence)},
        **{"transcript": [list(turn) for turn in detail.transcript], "advice": detail.advice},
        **{"receipt": detail.receipt, "choices": dict(detail.choices)},
    }
    sealed = encrypt(contact_key, sign(unit_key, _DETAIL, body))
    return to_json({"v": VERSION, "signed": _signed_envelope(envelope, unit_key), "detail": sealed})


def push_message(
    envelope: Envelope, detail: Detail, unit_key: JWK, contact: str, contact_key: JWK, max_bytes: int
) -> bytes:
    """The same, small enough for a push service: without what was said, with as many of the phrases as there is room
    for. The rest comes when the page is opened."""
    for phrases in range(len(detail.evidence), -1, -1):
        short = replace(detail, transcript=(), evidence=detail.evidence[:phrases])
        message = contact_message(envelope, short, unit_key, contact, contact_key)
        if len(message) <= max_bytes:
            break
    return message


def read_envelope(payload: bytes, unit: str, unit_key: JWK) -> Envelope:
    """The envelope of any alert message; WireError unless `unit` signed it (`unit_key`: public)."""
    message = _message(payload)
    envelope = _envelope(verify(unit_key, _ENVELOPE, _field(message, "signed", str)))
    if envelope.unit != unit:
        raise WireError("the envelope is of another unit")
    return envelope


def health_message(health: Health, unit_key: JWK) -> bytes:
    """The payload of a report of health, signed by the unit (`unit_key`: private)."""
    body = {
        **{"v": VERSION, "unit": health.unit, "hearing": health.hearing, "reason": health.reason},
        **{"at": iso(health.at), "sequence": health.sequence, "drill": health.drill},
        "drill_nonce": health.drill_nonce,
    }
    return to_json({"v": VERSION, "signed": sign(unit_key, _HEALTH, body)})


def read_health(payload: bytes, unit: str, unit_key: JWK) -> Health:
    """The report of a health message; WireError unless `unit` signed it (`unit_key`: public)."""
    body = verify(unit_key, _HEALTH, _field(_message(payload), "signed", str))
    _check_version(body)
    hearing = _field(body, "hearing", str)
    if hearing not in get_args(Hearing):
        raise WireError("hearing: want deaf or well")
    if _field(body, "unit", str) != unit:
        raise WireError("the report is of another unit")
    return Health(
        unit=unit,
        hearing=cast(Hearing, hearing),
        reason=_field(body, "reason", str),
        at=_parsed("at", _seconds, _field(body, "at", str)),
        sequence=_field(body, "sequence", int),
        drill=_field(body, "drill", bool),
        drill_nonce=_optional(body, "drill_nonce", str) or "",
    )


def read_message(payload: bytes, reader: Reader) -> tuple[Envelope, Detail | None]:
    """A message of the contact's topic. Detail is None when there is none, or the reader has no key; else WireError."""
    envelope = read_envelope(payload, reader.unit, reader.unit_key)
    token = _optional(_message(payload), "detail", str)
    if token is None or reader.private_key is None:
        return envelope, None
    return envelope, open_detail(reader.private_key, reader.unit_key, token, envelope, reader.contact)


def open_detail(private_key: JWK, unit_public_key: JWK, token: str, envelope: Envelope, contact: str) -> Detail:
    """Decrypt and verify a detail, and see that it belongs to this envelope and contact; WireError otherwise."""
    body = verify(unit_public_key, _DETAIL, decrypt(private_key, token))
    _check_version(body)
    belongs = (envelope.unit, envelope.id, envelope.sequence, contact)
    if tuple(body.get(name) for name in ("unit", "id", "sequence", "contact")) != belongs:
        raise WireError("the detail belongs to another alert or another contact")
    return _detail(body)


def iso(at: float) -> str:
    """Seconds since the epoch as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _signed_envelope(envelope: Envelope, unit_key: JWK) -> str:
    body = {
        **{"v": VERSION, "unit": envelope.unit, "id": envelope.id, "event": envelope.event},
        **{
            "level": str(envelope.level),
            "at": iso(envelope.at),
            "sequence": envelope.sequence,
            "drill": envelope.drill,
        },
    }
    return sign(unit_key, _ENVELOPE, body)


def _message(payload: bytes) -> dict[str, Any]:
    if len(payload) > MAX_BYTES:
        raise WireError(f"larger than {MAX_BYTES} bytes")
    message = from_json(payload)
    _check_version(message)
    return message


def _check_version(body: dict[str, Any]) -> None:
    if _field(body, "v", int) != VERSION:
        raise WireError(f"version {body['v']} of the alert wire; this program reads {VERSION}: update it")


def _envelope(body: dict[str, Any]) -> Envelope:
    _check_version(body)
    event, level, at = (_field(body, name, str) for name in ("event", "level", "at"))
    if event not in get_args(AlertEvent):
        raise WireError("event: want new, update or end")
    return Envelope(
        unit=_field(body, "unit", str),
        id=_field(body, "id", str),
        event=cast(AlertEvent, event),
        level=_parsed("level", Level, level),
        at=_parsed("at", _seconds, at),
        sequence=_field(body, "sequence", int),
        drill=_field(body, "drill", bool),
    )


def _detail(body: dict[str, Any]) -> Detail:
    score = body.get("score")
    if isinstance(score, bool) or not isinstance(score, int | float):
        raise WireError("score: want a number")
    return Detail(
        category=_field(body, "category", str),
        kind=_field(body, "kind", str),
        score=float(score),
        number=_optional(body, "number", str),
        absence=_optional(body, "absence", str),
        evidence=_strings("evidence", _field(body, "evidence", list)),
        transcript=tuple(_turn(turn) for turn in _field(body, "transcript", list)),
        advice=_field(body, "advice", str),
        receipt=_optional(body, "receipt", str) or "",
        choices=tuple(
            (name, nonce) for name, nonce in (_optional(body, "choices", dict) or {}).items() if isinstance(nonce, str)
        ),
    )


def _turn(turn: object) -> tuple[str, str]:
    if not isinstance(turn, list) or len(turn) != 2:
        raise WireError("transcript: want [[side, text], …]")
    side, text = _strings("transcript", turn)
    return side, text


def _strings(name: str, values: list[object]) -> tuple[str, ...]:
    if not all(isinstance(value, str) for value in values):
        raise WireError(f"{name}: want strings")
    return tuple(cast(list[str], values))


def _field(body: dict[str, Any], name: str, kind: type[T]) -> T:
    value = body.get(name)
    if type(value) is not kind:  # not isinstance: True is no number here
        raise WireError(f"{name}: want {kind.__name__}")
    return value


def _optional(body: dict[str, Any], name: str, kind: type[T]) -> T | None:
    return None if body.get(name) is None else _field(body, name, kind)


def _parsed(name: str, parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except (ValueError, OverflowError) as error:
        raise WireError(f"{name}: {text[:40]!r} is not allowed") from error


def _seconds(text: str) -> float:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("no time zone")
    return at.timestamp()
