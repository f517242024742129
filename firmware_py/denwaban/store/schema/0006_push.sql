-- Web Push: how a contact's telephone is woken. A subscription is of one browser on one telephone.
CREATE TABLE push_subscriptions (
    contact  TEXT PRIMARY KEY,
    endpoint TEXT NOT NULL,                  -- address at the browser's push service: a secret
    p256dh   TEXT NOT NULL,
    auth     TEXT NOT NULL,
    told_at  INTEGER NOT NULL                -- by the contact's clock, ms: a later one replaces an earlier
) STRICT, WITHOUT ROWID;

ALTER TABLE outbox ADD COLUMN push BLOB;     -- the message for the contact's push service; null: none is due
CREATE INDEX outbox_push ON outbox (seq) WHERE push IS NOT NULL;
