-- Times are seconds since the epoch (UTC); t0, t1, decided_at are seconds since the recording began.

CREATE TABLE calls (
    id        TEXT PRIMARY KEY,
    opened_at REAL NOT NULL,
    closed_at REAL,                          -- null: running, or the power went during the call
    number    TEXT,
    absence   TEXT,                          -- P, O, C, S when the number is absent
    decision  TEXT NOT NULL,
    outcome   TEXT,
    level     TEXT NOT NULL DEFAULT 'quiet', -- the highest so far
    category  TEXT NOT NULL DEFAULT '',
    score     REAL NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX calls_by_time ON calls (opened_at);

CREATE TABLE utterances (
    call_id    TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    n          INTEGER NOT NULL,             -- 0, 1, 2 … in order of arrival
    t0         REAL NOT NULL,
    t1         REAL NOT NULL,
    side       TEXT NOT NULL,
    text       TEXT NOT NULL,
    score      REAL,                         -- null for near-end speech
    call_score REAL NOT NULL,
    level      TEXT NOT NULL,
    stage      INTEGER NOT NULL,
    category   TEXT NOT NULL,
    evidence   TEXT NOT NULL,                -- JSON [[phrase, weight], …]
    decided_at REAL NOT NULL,
    PRIMARY KEY (call_id, n)
) STRICT, WITHOUT ROWID;

-- One row is one message to one topic. AUTOINCREMENT: a seq is never used twice, so rows keep their order for good.
CREATE TABLE outbox (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    alert_id   TEXT NOT NULL,
    event      TEXT NOT NULL,
    level      TEXT NOT NULL,
    sequence   INTEGER NOT NULL,             -- the unit's alert counter, as on the wire
    topic      TEXT NOT NULL,
    payload    BLOB NOT NULL,                -- emptied once sent
    created_at REAL NOT NULL,
    expires_at REAL,                         -- null: never
    sent_at    REAL
) STRICT;

CREATE INDEX outbox_unsent ON outbox (seq) WHERE sent_at IS NULL;
