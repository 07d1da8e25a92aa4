-- What was text under a key gets tables with types. The store as it was is kept beside it (see migration.py, which also
-- gives the functions `part`, `folder_text`, `words`, `number` and `field`).
ALTER TABLE meta RENAME TO meta_2;

-- Identity and schema facts only: see `MetaKey` in meta.py.
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL, changed TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO meta SELECT key, value, '' FROM meta_2
WHERE key IN ('node', 'node_key', 'author_seq', 'operator_key', 'signature_version');

CREATE TABLE node_state (
  id INTEGER PRIMARY KEY CHECK (id = 1), joined TEXT NOT NULL DEFAULT '', skills_file_looked TEXT NOT NULL DEFAULT '',
  last_halt TEXT NOT NULL DEFAULT '', breaker_reset TEXT NOT NULL DEFAULT '', time_seen TEXT NOT NULL DEFAULT '',
  pulled TEXT NOT NULL DEFAULT '', journal_seq INTEGER NOT NULL DEFAULT 0, journal_fault TEXT NOT NULL DEFAULT '',
  forgotten_incidents INTEGER NOT NULL DEFAULT 0, forgotten_resolved INTEGER NOT NULL DEFAULT 0,
  flushed TEXT NOT NULL DEFAULT ''
);
INSERT INTO node_state (id) VALUES (1);
UPDATE node_state SET
  joined = coalesce((SELECT value FROM meta_2 WHERE key='joined'), ''),
  skills_file_looked = coalesce((SELECT value FROM meta_2 WHERE key='legacy_imported'), ''),
  last_halt = coalesce((SELECT value FROM meta_2 WHERE key='last_halt'), ''),
  breaker_reset = coalesce((SELECT value FROM meta_2 WHERE key='breaker_reset'), ''),
  time_seen = coalesce((SELECT value FROM meta_2 WHERE key='time_seen'), ''),
  pulled = coalesce((SELECT value FROM meta_2 WHERE key='hook:pulled'), ''),
  journal_seq = coalesce((SELECT CAST(value AS INTEGER) FROM meta_2 WHERE key='journal_seq'), 0),
  journal_fault = coalesce((SELECT value FROM meta_2 WHERE key='journal_fault'), ''),
  forgotten_incidents = coalesce((SELECT CAST(value AS INTEGER) FROM meta_2 WHERE key='forgotten:own'), 0),
  forgotten_resolved = coalesce((SELECT CAST(value AS INTEGER) FROM meta_2 WHERE key='forgotten:resolved'), 0);

-- The old system's skills file as it was last read or written here; `ledger` is JSON (see knowledge/interchange.py).
CREATE TABLE skills_file (
  id INTEGER PRIMARY KEY CHECK (id = 1), sha256 TEXT NOT NULL DEFAULT '', shown TEXT NOT NULL DEFAULT '',
  ledger TEXT NOT NULL DEFAULT '{}'
);
INSERT INTO skills_file (id) VALUES (1);
UPDATE skills_file SET
  sha256 = coalesce((SELECT value FROM meta_2 WHERE key='skills_file_sha256'), ''),
  shown = coalesce((SELECT value FROM meta_2 WHERE key='skills_file_shown'), ''),
  ledger = coalesce((SELECT value FROM meta_2 WHERE key='skills_file_baseline'), '{}');

-- Actions that failed too often, whatever skill they come with; failures that a person forgave, oldest first; and the
-- number of the last lift of a skill that each own node told of.
CREATE TABLE bad_actions (action_hash TEXT PRIMARY KEY, skill_id TEXT NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO bad_actions SELECT substr(key, 12), value FROM meta_2
WHERE key >= 'bad_action:' AND key < 'bad_action;' AND value <> '';
CREATE TABLE forgiven (
  seq INTEGER PRIMARY KEY, skill_id TEXT NOT NULL, outcome_id TEXT NOT NULL, UNIQUE (skill_id, outcome_id)
);
INSERT OR IGNORE INTO forgiven (skill_id, outcome_id)
SELECT substr(m.key, 10), ids.value FROM meta_2 m, json_each(words(m.value)) ids
WHERE m.key >= 'forgiven:' AND m.key < 'forgiven;' ORDER BY m.key, ids.key;
CREATE TABLE lifts (
  skill_id TEXT NOT NULL, node TEXT NOT NULL, author_seq INTEGER NOT NULL, PRIMARY KEY (skill_id, node)
) WITHOUT ROWID;
INSERT OR IGNORE INTO lifts SELECT part(key, 1), part(key, 2), CAST(value AS INTEGER) FROM meta_2 WHERE key >= 'lift_seq:' AND key < 'lift_seq;';

-- Halts that own nodes told of: `why` is empty once it was lifted, `mark` says which halt it was (see trust/halting.py).
CREATE TABLE halts (node TEXT PRIMARY KEY, why TEXT NOT NULL, mark TEXT NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO halts SELECT substr(key, 6), value, '' FROM control WHERE key >= 'halt:' AND key < 'halt;';
INSERT INTO halts SELECT substr(key, 11), '', value FROM meta_2 WHERE key >= 'halt_mark:' AND key < 'halt_mark;'
ON CONFLICT (node) DO UPDATE SET mark=excluded.mark;

-- What a person ruled for one project: a fix that may run there for good, a skill that is not wanted there.
CREATE TABLE standing_approvals (
  skill_id TEXT NOT NULL, action_hash TEXT NOT NULL, folder TEXT NOT NULL, at TEXT NOT NULL, actor TEXT NOT NULL,
  PRIMARY KEY (skill_id, action_hash, folder)
) WITHOUT ROWID;
INSERT OR IGNORE INTO standing_approvals SELECT part(key, 1), part(key, 2), folder_text(part(key, 3)), at, value FROM control
WHERE key >= 'always:' AND key < 'always;';
CREATE TABLE refusals (
  folder TEXT NOT NULL, skill_id TEXT NOT NULL, at TEXT NOT NULL, actor TEXT NOT NULL, PRIMARY KEY (folder, skill_id)
) WITHOUT ROWID;
INSERT OR IGNORE INTO refusals SELECT folder_text(part(key, 2)), part(key, 1), at, value FROM control
WHERE key >= 'not_here:' AND key < 'not_here;';
DELETE FROM control WHERE (key >= 'halt:' AND key < 'halt;') OR (key >= 'always:' AND key < 'always;')
  OR (key >= 'not_here:' AND key < 'not_here;');

-- Where this node has a skill from, and what models said of it (in no figure).
ALTER TABLE skills ADD COLUMN learnt_by TEXT NOT NULL DEFAULT '';
ALTER TABLE skills ADD COLUMN recognised_at REAL;
ALTER TABLE skills ADD COLUMN said_worked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE skills ADD COLUMN said_failed INTEGER NOT NULL DEFAULT 0;
UPDATE skills SET
  learnt_by = coalesce((SELECT value FROM meta_2 WHERE key = 'learnt_by:' || skill_id), ''),
  recognised_at = (SELECT number(value) FROM meta_2 WHERE key = 'recognised:' || skill_id),
  said_worked = coalesce((SELECT field(value, 'worked') FROM meta_2 WHERE key = 'reported_outcomes:' || skill_id), 0),
  said_failed = coalesce((SELECT field(value, 'failed') FROM meta_2 WHERE key = 'reported_outcomes:' || skill_id), 0);

-- The newest result of each run; `errors` and `warnings` are JSON lists of texts.
CREATE TABLE run_results (
  path TEXT PRIMARY KEY, status TEXT NOT NULL, at TEXT NOT NULL, errors TEXT NOT NULL, warnings TEXT NOT NULL
) WITHOUT ROWID;
INSERT OR IGNORE INTO run_results SELECT field(value, 'path'), field(value, 'status'), field(value, 'timestamp'),
  field(value, 'errors'), field(value, 'warnings') FROM meta_2 WHERE key >= 'validation:' AND key < 'validation;';

-- What a hook remembers of a session in which something failed (JSON, see hook/memory.py), and what policy decides on an
-- action while policy.toml stands as it is.
CREATE TABLE hook_sessions (
  session TEXT PRIMARY KEY, at TEXT NOT NULL, commands TEXT NOT NULL, failed TEXT NOT NULL, offered TEXT NOT NULL
) WITHOUT ROWID;
INSERT OR IGNORE INTO hook_sessions SELECT substr(key, 14), field(value, 'at'), field(value, 'commands'),
  field(value, 'failed'), field(value, 'offered') FROM meta_2 WHERE key >= 'hook:session:' AND key < 'hook:session;';
CREATE TABLE verdicts (question TEXT PRIMARY KEY, decision TEXT NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO verdicts SELECT substr(key, 14), value FROM meta_2 WHERE key >= 'hook:verdict:' AND key < 'hook:verdict;';

-- How far each bridge was read, committed with what was taken in; pruned_to: what this home was told it may have missed.
CREATE TABLE bridge_cursors (
  bridge_id TEXT PRIMARY KEY, seq INTEGER NOT NULL, pruned_to INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

DROP TABLE meta_2;
