-- Who is told, and what they answer. A contact with a key says itself that it has received a message.
ALTER TABLE outbox ADD COLUMN contact TEXT;                      -- null: for everybody
ALTER TABLE outbox ADD COLUMN receipt TEXT;                      -- nonce that the contact's receipt must name; null: none is due
ALTER TABLE outbox ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;   -- above 0: waits until the contacts of this turn are told
ALTER TABLE outbox ADD COLUMN offers INTEGER NOT NULL DEFAULT 0; -- how often the broker has taken it
ALTER TABLE outbox ADD COLUMN received_at REAL;                  -- when its receipt came
ALTER TABLE outbox ADD COLUMN ended TEXT;                        -- why nothing more is done; null: something is due

UPDATE outbox SET ended = 'sent', offers = 1 WHERE sent_at IS NOT NULL;
DROP INDEX outbox_unsent;
CREATE INDEX outbox_due ON outbox (seq) WHERE ended IS NULL;
CREATE INDEX outbox_alert ON outbox (alert_id);

-- What a contact may answer to an alert: each nonce is good once, for one answer of one contact.
CREATE TABLE choices (
    nonce    TEXT PRIMARY KEY,
    alert_id TEXT NOT NULL,
    contact  TEXT NOT NULL,
    reply    TEXT NOT NULL,
    made_at  REAL NOT NULL,
    used_at  REAL                            -- null: not answered with this
) STRICT, WITHOUT ROWID;

CREATE INDEX choices_alert ON choices (alert_id);

-- Messages of contacts that were not obeyed, by reason.
CREATE TABLE refusals (
    reason  TEXT PRIMARY KEY,
    n       INTEGER NOT NULL,
    last_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE contacts (
    name       TEXT PRIMARY KEY,             -- part of the contact's topic: an id, not a person's name
    role       TEXT NOT NULL,                -- how the household calls this person
    public_jwk TEXT NOT NULL,
    detail     TEXT NOT NULL CHECK (detail IN ('minimal', 'words', 'transcript')),
    language   TEXT NOT NULL CHECK (language IN ('ja', 'en')),
    hours      TEXT NOT NULL,                -- when to be told first, in Japanese time; empty: always
    turn       INTEGER NOT NULL,             -- 1 is told at once, 2 when nobody of 1 has answered …
    paired_at  REAL NOT NULL
) STRICT, WITHOUT ROWID;
