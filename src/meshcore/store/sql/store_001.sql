-- One home: what this node knows, met and did. Times are UTC text; which columns are JSON is known to store_rows.py.
-- Rows that others also write are ordered by `seq`, their order of arrival here: clocks of other nodes order nothing.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE events (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, kind TEXT NOT NULL,
  incident_id TEXT NOT NULL DEFAULT '', skill_id TEXT NOT NULL DEFAULT '', agent TEXT NOT NULL DEFAULT '',
  data TEXT NOT NULL DEFAULT '{}'
);

CREATE INDEX events_of_incident ON events (incident_id, seq) WHERE incident_id <> '';

CREATE TABLE skills (
  skill_id TEXT PRIMARY KEY, label INTEGER NOT NULL UNIQUE, body TEXT NOT NULL, state TEXT NOT NULL,
  source TEXT NOT NULL, author TEXT NOT NULL DEFAULT '', own_operator INTEGER NOT NULL DEFAULT 0,
  confirmed INTEGER NOT NULL DEFAULT 0, created TEXT NOT NULL, evidence TEXT NOT NULL DEFAULT '{}',
  bucket TEXT NOT NULL, shape TEXT NOT NULL, used INTEGER NOT NULL DEFAULT 0, last_used TEXT NOT NULL DEFAULT ''
);
CREATE INDEX skills_state ON skills (state);
CREATE TABLE skill_keys (key TEXT NOT NULL, skill_id TEXT NOT NULL, PRIMARY KEY (key, skill_id)) WITHOUT ROWID;
CREATE INDEX skill_keys_of ON skill_keys (skill_id);
CREATE TABLE skill_shapes (
  bucket TEXT NOT NULL, shape TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (bucket, shape)
) WITHOUT ROWID;

CREATE TABLE incidents (
  seq INTEGER PRIMARY KEY, incident_id TEXT NOT NULL UNIQUE,
  opened TEXT NOT NULL, node TEXT NOT NULL, agent TEXT NOT NULL, via TEXT NOT NULL,
  host TEXT NOT NULL, argv TEXT NOT NULL, cwd TEXT NOT NULL, exit_code INTEGER, signature_version INTEGER NOT NULL,
  error_type TEXT NOT NULL, template TEXT NOT NULL, slots TEXT NOT NULL, line TEXT NOT NULL, excerpt TEXT NOT NULL,
  circumstances TEXT NOT NULL, environment TEXT NOT NULL, argv_redacted INTEGER NOT NULL, state TEXT NOT NULL,
  skill_id TEXT NOT NULL DEFAULT '', again INTEGER NOT NULL DEFAULT 0,
  stdin TEXT NOT NULL DEFAULT '', closed TEXT NOT NULL DEFAULT '',
  seconds REAL, own_seconds REAL, opened_monotonic REAL, boot TEXT NOT NULL DEFAULT ''
);
CREATE INDEX incidents_state ON incidents (state, seq);
CREATE INDEX incidents_own ON incidents (seq) WHERE opened_monotonic IS NOT NULL;

CREATE TABLE tries (
  try_id TEXT PRIMARY KEY, incident_id TEXT NOT NULL, skill_id TEXT NOT NULL, actor TEXT NOT NULL,
  plan TEXT NOT NULL, target TEXT NOT NULL, process TEXT NOT NULL, intent_at TEXT NOT NULL,
  monotonic REAL NOT NULL, boot TEXT NOT NULL, result TEXT NOT NULL DEFAULT ''
);
CREATE INDEX tries_of_skill ON tries (skill_id);
CREATE INDEX tries_of_incident ON tries (incident_id);
CREATE INDEX tries_unfinished ON tries (intent_at) WHERE result = '';

CREATE TABLE outcomes (
  seq INTEGER PRIMARY KEY, outcome_id TEXT NOT NULL UNIQUE,
  skill_id TEXT NOT NULL, incident_id TEXT NOT NULL, node TEXT NOT NULL,
  host TEXT NOT NULL, own_operator INTEGER NOT NULL, result TEXT NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX outcomes_of_skill ON outcomes (skill_id, seq);
CREATE INDEX outcomes_of_incident ON outcomes (incident_id);

CREATE TABLE approvals (
  seq INTEGER PRIMARY KEY, approval_id TEXT NOT NULL UNIQUE,
  incident_id TEXT NOT NULL, skill_id TEXT NOT NULL, action_hash TEXT NOT NULL,
  command TEXT NOT NULL, reasons TEXT NOT NULL, asked TEXT NOT NULL, state TEXT NOT NULL,
  resolved TEXT NOT NULL DEFAULT '', actor TEXT NOT NULL DEFAULT ''
);
CREATE INDEX approvals_waiting ON approvals (seq) WHERE state = 'waiting';

CREATE TABLE outbox (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, body TEXT NOT NULL, created TEXT NOT NULL,
  record_id TEXT NOT NULL DEFAULT '', text TEXT NOT NULL DEFAULT '', key TEXT NOT NULL DEFAULT '',
  sig TEXT NOT NULL DEFAULT '', published TEXT NOT NULL DEFAULT ''
);
CREATE INDEX outbox_waiting ON outbox (seq) WHERE published = '';

CREATE TABLE records (
  seq INTEGER PRIMARY KEY, record_id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL, author TEXT NOT NULL, author_seq INTEGER NOT NULL,
  text TEXT NOT NULL, key TEXT NOT NULL, sig TEXT NOT NULL, created TEXT NOT NULL, received TEXT NOT NULL,
  status TEXT NOT NULL, reason TEXT NOT NULL DEFAULT ''
);
CREATE INDEX records_status ON records (status, seq);
CREATE INDEX records_created ON records (created) WHERE status <> 'rejected';

CREATE TABLE authors (
  node TEXT PRIMARY KEY, name TEXT NOT NULL, host TEXT NOT NULL, operator TEXT NOT NULL, own_operator INTEGER NOT NULL,
  first_seen TEXT NOT NULL, last_seen TEXT NOT NULL, highest_seq INTEGER NOT NULL DEFAULT 0,
  newest TEXT NOT NULL DEFAULT '', changed INTEGER NOT NULL DEFAULT 0,
  successor TEXT NOT NULL DEFAULT '', final_seq INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX authors_called ON authors (name, host);

CREATE TABLE sayings (
  skill_id TEXT NOT NULL, author TEXT NOT NULL, author_seq INTEGER NOT NULL, expires TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (skill_id, author)
) WITHOUT ROWID;

CREATE TABLE agents (
  name TEXT PRIMARY KEY, via TEXT NOT NULL, host TEXT NOT NULL, first_seen TEXT NOT NULL, last_seen TEXT NOT NULL
);

CREATE TABLE commands (
  command_id INTEGER PRIMARY KEY AUTOINCREMENT, agent TEXT NOT NULL, cwd TEXT NOT NULL, argv TEXT NOT NULL,
  exit_code INTEGER NOT NULL, output TEXT NOT NULL, at TEXT NOT NULL, incident_id TEXT NOT NULL DEFAULT ''
);
CREATE INDEX commands_in ON commands (cwd, command_id);

CREATE TABLE control (key TEXT PRIMARY KEY, value TEXT NOT NULL, at TEXT NOT NULL, actor TEXT NOT NULL) WITHOUT ROWID;
