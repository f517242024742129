-- What the household or its family said of a verdict. Outlives the call it is about, so it holds no number and no word.
CREATE TABLE feedback (
    call_id  TEXT PRIMARY KEY,
    at       REAL NOT NULL,
    verdict  TEXT NOT NULL CHECK (verdict IN ('false_alarm', 'scam')),
    level    TEXT NOT NULL,                  -- what the box had made of the call
    category TEXT NOT NULL
) STRICT;
