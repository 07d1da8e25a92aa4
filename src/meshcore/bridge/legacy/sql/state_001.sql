-- What the gateway knows of the old table. It can be made anew from the old table and the bridge.
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('bridge_id', '');

-- Every row of the old table that is on the bridge, by its message_id: rowids there are reused and renumbered.
CREATE TABLE rows (
    message_id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,             -- of the record on the bridge
    window_since REAL                 -- monotonic: since when it is among the ten oldest pending
) WITHOUT ROWID;
CREATE INDEX rows_seq ON rows (seq);
CREATE INDEX rows_window ON rows (message_id) WHERE window_since IS NOT NULL;

-- Rows that wait to be written to the old table.
CREATE TABLE queue (
    seq INTEGER PRIMARY KEY,
    message_id TEXT NOT NULL,
    sender TEXT NOT NULL,
    created_time TEXT NOT NULL,
    content TEXT NOT NULL
);
