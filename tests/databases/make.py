"""Makes the old database of the newest schema: `python tests/databases/make.py`. Never remake an older one."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from denwaban.alert.outbox import Message
from denwaban.effects import CloseCall, NoteUtterance, OpenCall
from denwaban.events import Assessment, CallerId, Evidence, Level, Utterance, UtteranceAssessed
from denwaban.store.contacts import ContactBook
from denwaban.store.database import Database
from denwaban.store.feedback import mark
from denwaban.store.files import migrations
from denwaban.store.keeping import keep
from denwaban.store.lists import ListEditor
from denwaban.store.outbox import SqliteOutbox
from denwaban.store.push import PushBook
from denwaban.store.rows import NumberEntry, PairedContact, StopList, StoredSubscription


def main() -> None:
    path = Path(__file__).parent / f"{migrations()[-1].version:04}.sqlite"
    if path.exists():
        raise SystemExit(f"{path} exists: an old database is never remade")
    database = Database(path, sys.exit)
    verdict = Assessment(Level.ALERT, 0.97, 0.95, 4, "card_theft", (Evidence("キャッシュカード", 0.8),))
    said = Utterance("キャッシュカードを封筒に入れてください", 12.5, 15.0, "far")
    database.open_call(OpenCall("call-1", CallerId("0312345678"), "screen"), 1_750_000_000.0)
    database.note(NoteUtterance("call-1", UtteranceAssessed(said, verdict, 16.2)), 1_750_000_020.0)
    database.close_call(CloseCall("call-1", "screened", Level.ALERT, "card_theft", 0.95), 1_750_000_060.0)
    database.open_call(OpenCall("call-2", CallerId(absence="P"), "refuse"), 1_750_000_100.0)
    database.close_call(CloseCall("call-2", "refused", Level.QUIET, "", 0.0), 1_750_000_110.0)
    database.close()
    mark(path, "call-1", "false_alarm", 1_750_000_200.0)
    keep(path, "call-1", wanted=True, at=1_750_000_300.0)
    lists = ListEditor(path)
    lists.add([NumberEntry("allow", "0399998888", "exact", "娘", 1_750_000_000.0, "by hand", None)])
    head = StopList("police", 1_750_000_000.0, 1_760_000_000.0, "officer", 1_750_000_100.0, 1)
    lists.replace_stop_list(head, [("+1800", "prefix")])
    lists.let_through(1_750_001_000.0, 1_750_000_000.0)
    lists.set_policy("withheld", "screen", 1_750_000_000.0)
    outbox = SqliteOutbox(path)
    outbox.put(
        alert_id="alert-1",
        event="new",
        level=Level.ALERT,
        sequence=1,
        messages=[
            Message(
                "denwaban/v1/box-1/alert/musume",
                b"{}",
                "musume",
                "receipt-nonce",
                choices=(("nonce", "calling"),),
                push=b"{}",
            ),
            Message("denwaban/v1/box-1/alert", b"{}"),
        ],
        created_at=1_750_000_020.0,
        expires_at=None,
    )
    outbox.use_choice("nonce", 1_750_000_040.0)
    outbox.refused({"replayed": 2}, 1_750_000_041.0)
    outbox.close()
    pair = ("musume", "娘さん", "{}", "transcript", "ja", "07:00-22:00", 1, 1_750_000_000.0)
    ContactBook(path).put(PairedContact(*pair))
    book = PushBook(path)
    book.subscribe(StoredSubscription("musume", "https://push.example/1", "p256dh", "auth", 1_750_000_000_000))
    book.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = DELETE")  # one file, no log beside it


if __name__ == "__main__":
    main()
