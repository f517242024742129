-- Calls the household wants to keep: neither their age nor lack of room deletes them.
CREATE TABLE kept_calls (
    call_id TEXT PRIMARY KEY REFERENCES calls (id) ON DELETE CASCADE,
    at      REAL NOT NULL
) STRICT;

-- What the household has decided about whole classes of callers. What is not here stands in the configuration.
CREATE TABLE policy (
    name       TEXT PRIMARY KEY,             -- a class of `rules.CLASSES`, or quiet_hours
    value      TEXT NOT NULL,                -- allow, screen or refuse; of quiet_hours a span such as 22:00-06:30, or nothing
    changed_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
