-- How far each bridge was read, committed with what was taken in; pruned_to: what this home was told it may have missed.
CREATE TABLE bridge_cursors (
  bridge_id TEXT PRIMARY KEY, seq INTEGER NOT NULL, pruned_to INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
