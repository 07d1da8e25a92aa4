-- The mesh's own log: one ordered sequence of signed records, its readers, and who has what.
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE log (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    record_id TEXT NOT NULL,          -- SHA-256 of text
    kind TEXT NOT NULL,               -- as the publisher said, for counting only
    origin TEXT NOT NULL CHECK (origin IN ('mesh', 'legacy')),
    key TEXT NOT NULL,
    sig TEXT NOT NULL,
    published_at TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX log_record ON log (record_id);

CREATE TABLE members (
    node TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    host TEXT NOT NULL,
    joined_at TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    cursor INTEGER NOT NULL DEFAULT 0,
    key TEXT NOT NULL,
    sig TEXT NOT NULL,
    text TEXT NOT NULL
) WITHOUT ROWID;

-- Receipts that are expected and not in yet: a row goes when its receipt comes. Few trees to touch at publication.
CREATE TABLE awaited (seq INTEGER NOT NULL, node TEXT NOT NULL, PRIMARY KEY (seq, node)) WITHOUT ROWID;

CREATE TABLE receipts (
    seq INTEGER NOT NULL,
    node TEXT NOT NULL,
    expected INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('stored', 'ignored', 'rejected')),
    at TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (seq, node)
) WITHOUT ROWID;

-- Which hosts may try a skill that is new to the mesh; failed is 1 where the try did not help.
CREATE TABLE claims (
    skill_id TEXT NOT NULL,
    host TEXT NOT NULL,
    at TEXT NOT NULL,
    failed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (skill_id, host)
) WITHOUT ROWID;

CREATE TABLE doorbells (socket TEXT PRIMARY KEY, since TEXT NOT NULL) WITHOUT ROWID;

-- Used by programs of version 0.1 only: every row of the old table that they know, by its message_id.
CREATE TABLE legacy_rows (
    message_id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    window_since REAL                 -- monotonic: since when it is among the ten oldest pending
) WITHOUT ROWID;
CREATE INDEX legacy_window ON legacy_rows (message_id) WHERE window_since IS NOT NULL;

-- Used by programs of version 0.1 only: rows that wait to be written to the old table.
CREATE TABLE legacy_queue (
    seq INTEGER PRIMARY KEY,
    message_id TEXT NOT NULL,
    sender TEXT NOT NULL,
    created_time TEXT NOT NULL,
    skill TEXT NOT NULL               -- JSON; the record is in the log
);
