-- Who gets through. Patterns are numbers (or their beginnings) in the one form of `screening.normalise_number`.
CREATE TABLE list_entries (
    list       TEXT NOT NULL CHECK (list IN ('allow', 'block', 'called')),
    pattern    TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('exact', 'prefix')),
    label      TEXT NOT NULL,
    added_at   REAL NOT NULL,
    source     TEXT NOT NULL,                -- by hand, or the file it came from
    expires_at REAL,                         -- null: never
    PRIMARY KEY (list, pattern, kind)
) STRICT, WITHOUT ROWID;

-- Numbers that police or carriers warn of. One row is one dated list; a new issue of a source replaces the old one.
CREATE TABLE stop_lists (
    source        TEXT PRIMARY KEY,
    issued_at     REAL NOT NULL,
    expires_at    REAL NOT NULL,
    signed_off_by TEXT NOT NULL,
    imported_at   REAL NOT NULL
) STRICT;

CREATE TABLE stop_numbers (
    source  TEXT NOT NULL REFERENCES stop_lists (source) ON DELETE CASCADE,
    pattern TEXT NOT NULL,
    kind    TEXT NOT NULL CHECK (kind IN ('exact', 'prefix')),
    PRIMARY KEY (source, pattern, kind)
) STRICT, WITHOUT ROWID;

-- “Let the next unknown caller through.” AUTOINCREMENT: an id never means two wishes.
CREATE TABLE let_through (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    added_at REAL NOT NULL,
    until    REAL NOT NULL,
    used_at  REAL
) STRICT;

-- Raised by one in every transaction that changes the tables above.
CREATE TABLE rules_version (n INTEGER NOT NULL) STRICT;
INSERT INTO rules_version VALUES (0);
