"""A box's data folder with calls in it, and the page over it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from denwaban.alert.outbox import Message
from denwaban.config import AlertsConfig, Config, ContactConfig, ScreeningConfig, UnitConfig
from denwaban.effects import CloseCall, NoteUtterance, OpenCall
from denwaban.errands import Errands
from denwaban.events import Assessment, CallerId, Evidence, Level, Utterance, UtteranceAssessed
from denwaban.household import StoredHousehold
from denwaban.household_family import StoredFamily
from denwaban.paths import database_path, page_secrets, recordings_dir
from denwaban.store.database import Database
from denwaban.store.outbox import SqliteOutbox
from denwaban.store.recordings import FlacRecorder
from denwaban.web.pin import PinFile
from denwaban.web.server import build

PIN = "274913"
NOW = 1_795_680_000.0
"""2026-11-26 17:00 in Japan."""
SCAM = (
    ("unknown", "もしもし、こちらは警視庁捜査二課の佐藤と申します。", 0.34, Level.QUIET, ("警視庁捜査二課",)),
    ("near", "はい、なんでしょうか。", 0.34, Level.QUIET, ()),
    ("far", "あなた名義の口座が犯罪に使われていることがわかりました。", 0.72, Level.CAUTION, ("名義の口座が犯罪に",)),
    ("near", "えっ、そんな、うちの口座がですか。", 0.72, Level.CAUTION, ()),
    ("far", "このことは、ご家族にも誰にも話さないでください。", 0.88, Level.CAUTION, ("誰にも話さないで",)),
    ("far", "今から係の者がキャッシュカードを受け取りにうかがいます。", 0.97, Level.ALERT, ("カードを受け取りに",)),
)


class Clock:
    """Moments of the test."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> float:
        return self.at


def config_for(folder: Path) -> Config:
    return Config(
        unit=UnitConfig(data_dir=str(folder)),
        screening=ScreeningConfig(allow=("0312345678",), quiet_hours="22:00-06:30"),
        alerts=AlertsConfig(host="broker.example"),
        contacts=(ContactConfig("musume", "娘さん", "musume.jwk"), ContactConfig("fukushi", "民生委員さん")),
    )


def write_scam(database: Database, call_id: str = "scam-1", at: float = NOW - 3600) -> None:
    database.open_call(OpenCall(call_id, CallerId("05012345678"), "screen:domestic"), at)
    for n, (side, text, score, level, phrases) in enumerate(SCAM):
        evidence = tuple(Evidence(phrase, 0.5) for phrase in phrases)
        verdict = Assessment(level, score, score, 2, "police", evidence)
        said = UtteranceAssessed(Utterance(text, 3.0 + 6 * n, 8.0 + 6 * n, side), verdict, 9.0 + 6 * n)  # type: ignore[arg-type]
        database.note(NoteUtterance(call_id, said), at + 6 * n)
    database.close_call(CloseCall(call_id, "screened", Level.ALERT, "police", 0.97), at + 95)


def fill(config: Config) -> None:
    """Calls of every kind, one of them with a recording."""
    config.data_dir.mkdir(parents=True, exist_ok=True)
    (config.models_dir / "whisper-base").mkdir(parents=True, exist_ok=True)
    database = Database(database_path(config), print)
    write_scam(database)
    for n, (caller, decision, outcome, level, category) in enumerate(
        (
            (CallerId(absence="P"), "refuse:withheld", "refused", Level.QUIET, ""),
            (CallerId("0312345678"), "allow:known", "left_alone", Level.QUIET, ""),
            (CallerId("0120444113"), "screen:domestic", "screened", Level.CAUTION, "telecom_sales"),
            (CallerId("+18005550199"), "refuse:international", "refused", Level.QUIET, ""),
            (CallerId("0664215678"), "screen:domestic", "screened", Level.QUIET, ""),
            (CallerId("0452223344"), "screen:domestic", "repelled", Level.QUIET, ""),
        )
    ):
        at = NOW - 20_000 * (n + 1)
        database.open_call(OpenCall(f"call-{n}", caller, decision), at)
        database.close_call(CloseCall(f"call-{n}", outcome, level, category, 0.7), at + 75)  # type: ignore[arg-type]
    database.close()
    recorder = FlacRecorder(recordings_dir(config) / "scam-1.flac")
    tone = 4000 * np.sin(2 * np.pi * 440 * np.arange(40 * 8000) / 8000)
    recorder.write(tone.astype(np.int16))
    recorder.close()


def write_alert(config: Config) -> None:
    """What became of the alert of the call `scam-1`: the daughter has answered, the next one was not needed."""
    outbox = SqliteOutbox(database_path(config))
    messages = [
        Message("t/musume", b"{}", "musume", "nonce-1", choices=(("choice-1", "calling"),)),
        Message("t/fukushi", b"{}", "fukushi", None, turn=2),
        Message("t", b"{}"),
    ]
    alert: dict[str, Any] = {"alert_id": "scam-1", "event": "new", "level": Level.ALERT, "sequence": 1}
    outbox.put(**alert, messages=messages, created_at=NOW, expires_at=None)
    (first, *_) = outbox.pending(NOW)
    outbox.mark_sent(first.seq, NOW + 1)
    assert outbox.receive("musume", "scam-1", 1, "nonce-1", NOW + 3) is not None
    outbox.use_choice("choice-1", NOW + 40)
    outbox.close()


def application(
    config: Config, clock: Clock | None = None, program: Sequence[str] = ("false",), passwords: Path | None = None
):  # type: ignore[no-untyped-def]
    """`program` takes the place of `denwaban` in what the page runs."""
    clock = clock or Clock()
    household = StoredHousehold(config)
    household._wall = clock
    family = StoredFamily(config, Errands(program, (), clock), clock, passwords)
    return build(household, family, PinFile(page_secrets(config)), wall=clock, monotonic=clock)


def csrf_of(html: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', html)
    assert found, html
    return found[1]
