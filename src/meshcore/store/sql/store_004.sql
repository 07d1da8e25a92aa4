-- Control records are numbered by their author without a gap, in a chain for each bridge; `epoch` names the chain.
ALTER TABLE outbox ADD COLUMN epoch TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN link INTEGER NOT NULL DEFAULT 0;

-- This node's own chains: the one that goes on, for each bridge, and those that ended, the newest last.
CREATE TABLE own_chains (
  bridge_id TEXT PRIMARY KEY, address TEXT NOT NULL, node TEXT NOT NULL, epoch TEXT NOT NULL, last INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE ended_chains (
  seq INTEGER PRIMARY KEY, address TEXT NOT NULL, node TEXT NOT NULL, epoch TEXT NOT NULL, last INTEGER NOT NULL,
  UNIQUE (address, node, epoch)
);

-- What was received of the chains of others: every link up to `received_to`, and those in `links` beyond it. `named` is
-- the last link that their author has named, `searched` the one for whose sake the whole log was last read again, and
-- `fork` the number under which two records came, 0 for none.
CREATE TABLE chains (
  node TEXT NOT NULL, epoch TEXT NOT NULL, received_to INTEGER NOT NULL DEFAULT 0, named INTEGER NOT NULL DEFAULT 0,
  searched INTEGER NOT NULL DEFAULT 0, searched_at TEXT NOT NULL DEFAULT '', fork INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (node, epoch)
) WITHOUT ROWID;
CREATE INDEX outbox_links ON outbox (epoch, link) WHERE link > 0;
CREATE INDEX outbox_links_waiting ON outbox (epoch, link, seq) WHERE published = '' AND link > 0;
CREATE INDEX chains_not_whole ON chains (node) WHERE received_to < named OR fork > 0;
CREATE TABLE links (
  node TEXT NOT NULL, epoch TEXT NOT NULL, number INTEGER NOT NULL, record_id TEXT NOT NULL,
  PRIMARY KEY (node, epoch, number)
) WITHOUT ROWID;

-- What was last said to be missing, "" for nothing.
ALTER TABLE node_state ADD COLUMN not_synced TEXT NOT NULL DEFAULT '';

-- With which it is drawn of which commands nothing is told, where a share is withheld; '' before the first draw.
ALTER TABLE node_state ADD COLUMN withhold_key TEXT NOT NULL DEFAULT '';

-- The newest signed sign of life of each node: when it says that it was made, when this home first saw it, and what it
-- reports of itself (JSON). `machine` is the first that it named. `place` is where its home is used, `former` where it
-- was used before that, and `twice` when it last spoke from two places at once.
CREATE TABLE heartbeats (
  node TEXT PRIMARY KEY, sig TEXT NOT NULL, created TEXT NOT NULL, heard TEXT NOT NULL,
  report TEXT NOT NULL DEFAULT '{}', machine TEXT NOT NULL DEFAULT '', place TEXT NOT NULL DEFAULT '',
  former TEXT NOT NULL DEFAULT '', twice TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;

-- What this node tells of itself with each sign of life (JSON, see exchange/report.py).
ALTER TABLE node_state ADD COLUMN report TEXT NOT NULL DEFAULT '';

-- Where this node's key was used: here, or by a home that is a copy of this one.
CREATE TABLE places (place TEXT PRIMARY KEY, at TEXT NOT NULL, is_ours INTEGER NOT NULL) WITHOUT ROWID;

-- What was taken in before links were counted is met once more, and counted.
UPDATE bridge_cursors SET seq=0;

-- What own nodes on other hosts ask a person, as each told it last; `body` is what they signed (JSON).
CREATE TABLE inbox (
  node TEXT NOT NULL, approval_id TEXT NOT NULL, author_seq INTEGER NOT NULL, state TEXT NOT NULL, body TEXT NOT NULL,
  received TEXT NOT NULL, PRIMARY KEY (node, approval_id)
) WITHOUT ROWID;
-- What was last told of an approval to own nodes, "untold" for what is decided here only; and whether the yes came from
-- another host, signed.
ALTER TABLE approvals ADD COLUMN told TEXT NOT NULL DEFAULT '';
ALTER TABLE approvals ADD COLUMN afar INTEGER NOT NULL DEFAULT 0;
CREATE INDEX approvals_to_tell ON approvals (seq)
WHERE told NOT IN ('untold', state || ':' || result) AND (state='waiting' OR told<>'');

-- What a person is asked shows all that would be run: the steps as they are executed, and the failed command again.
ALTER TABLE approvals ADD COLUMN runs TEXT NOT NULL DEFAULT '';
ALTER TABLE approvals ADD COLUMN rerun TEXT NOT NULL DEFAULT '';

-- Who confirmed a skill, and which sub-agent of an agent met an incident.
ALTER TABLE skills ADD COLUMN confirmed_by TEXT NOT NULL DEFAULT '';
ALTER TABLE incidents ADD COLUMN sub_agent TEXT NOT NULL DEFAULT '';

-- Each time that a fix was seen to help without the mesh applying it; see `store.sightings`.
CREATE TABLE sightings (
  skill_id TEXT NOT NULL, kind TEXT NOT NULL, project TEXT NOT NULL, session TEXT NOT NULL, agent TEXT NOT NULL,
  at REAL NOT NULL, UNIQUE (skill_id, kind, project, session, at)
);
INSERT INTO sightings SELECT skill_id, 'own', '', '', learnt_by, recognised_at FROM skills
WHERE recognised_at IS NOT NULL;
ALTER TABLE skills DROP COLUMN recognised_at;

-- Records whose body was erased for good: by whom it was made (its author), and by which node that was said. `subject`
-- is the skill that it told of, or the digest of the error line, so that neither is learnt from old sessions again.
CREATE TABLE purged (
  record_id TEXT PRIMARY KEY, author TEXT NOT NULL, by_node TEXT NOT NULL, at TEXT NOT NULL,
  subject TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;

-- Lanes whose rows wait because too many came in one minute, and how many were taken. A lane is an author's key, or a
-- name for several who share one; rows of it beyond `after` were passed over so far.
CREATE TABLE lanes (
  bridge_id TEXT NOT NULL, lane TEXT NOT NULL, after INTEGER NOT NULL, PRIMARY KEY (bridge_id, lane)
) WITHOUT ROWID;
CREATE TABLE quotas (lane TEXT PRIMARY KEY, minute INTEGER NOT NULL, taken INTEGER NOT NULL) WITHOUT ROWID;

-- What a project's commands did. A project is known by a keyed hash of its repository, a checkout is a folder with one;
-- what others say of a project counts in a checkout only once a person has accepted that.
CREATE TABLE projects (
  number INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE, wrong_warnings INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE checkouts (
  root TEXT PRIMARY KEY, project INTEGER NOT NULL, accepted INTEGER NOT NULL DEFAULT 0, asked INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX outbox_told ON outbox (created) WHERE kind IN ('habit', 'correction');
CREATE INDEX checkouts_of ON checkouts (project);
-- What nodes say of a project's commands, this one included: one row for each author and command, their newest word.
-- `known`: of an own or enrolled node when it was said; all others share one quota.
CREATE TABLE told_habits (
  project TEXT NOT NULL, command TEXT NOT NULL, author TEXT NOT NULL, author_seq INTEGER NOT NULL,
  known INTEGER NOT NULL, last INTEGER NOT NULL, sessions INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (project, command, author)
) WITHOUT ROWID;
CREATE INDEX told_habits_of ON told_habits (author, last);
CREATE TABLE told_corrections (
  project TEXT NOT NULL, way TEXT NOT NULL, mark TEXT NOT NULL, author TEXT NOT NULL, author_seq INTEGER NOT NULL,
  known INTEGER NOT NULL, last INTEGER NOT NULL, sessions INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (project, way, mark, author)
) WITHOUT ROWID;
CREATE INDEX told_corrections_of ON told_corrections (author, last);
CREATE TABLE habits (
  project INTEGER NOT NULL, command BLOB NOT NULL, kind INTEGER NOT NULL, exit_code INTEGER NOT NULL,
  sessions INTEGER NOT NULL, live INTEGER NOT NULL, recent BLOB NOT NULL, runs INTEGER NOT NULL, seconds REAL NOT NULL,
  first INTEGER NOT NULL, last INTEGER NOT NULL, fingerprint BLOB NOT NULL, passes INTEGER NOT NULL,
  failures INTEGER NOT NULL, expected INTEGER NOT NULL, cause BLOB NOT NULL, ways BLOB NOT NULL, text TEXT NOT NULL,
  incident BLOB NOT NULL DEFAULT x'', agents TEXT NOT NULL DEFAULT '', costs BLOB NOT NULL DEFAULT x'',
  PRIMARY KEY (project, command)
) WITHOUT ROWID;
CREATE INDEX habits_standing ON habits (seconds) WHERE sessions > 0;
CREATE TABLE corrections (
  project INTEGER NOT NULL, way BLOB NOT NULL, mark BLOB NOT NULL, change TEXT NOT NULL, sessions BLOB NOT NULL,
  named INTEGER NOT NULL, told INTEGER NOT NULL, confirmed INTEGER NOT NULL, contradicted INTEGER NOT NULL,
  failed TEXT NOT NULL, passed TEXT NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (project, way, mark)
) WITHOUT ROWID;
-- What a session was told of, what it changed, and which of its failures wait for what is typed instead (JSON, see
-- hook/known.py).
CREATE TABLE hook_notes (session TEXT PRIMARY KEY, at TEXT NOT NULL, notes TEXT NOT NULL) WITHOUT ROWID;
-- A hook that meets a session for the first time forgets the old ones, however many sessions there are.
CREATE INDEX hook_notes_at ON hook_notes (at);
CREATE INDEX hook_sessions_at ON hook_sessions (at);

-- What a session was told of a command, or would have been: `arm` is 0 where nothing is withheld, 1 told, 2 withheld. For
-- some commands after it, what came of it is followed (see `knowledge.telling`): `again` counts further failures.
CREATE TABLE tellings (
  seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, via TEXT NOT NULL, session TEXT NOT NULL,
  project INTEGER NOT NULL, command BLOB NOT NULL, arm INTEGER NOT NULL, offered TEXT NOT NULL,
  age INTEGER NOT NULL DEFAULT 0, changed INTEGER NOT NULL DEFAULT 0, again INTEGER NOT NULL DEFAULT 0,
  result TEXT NOT NULL DEFAULT ''
);
CREATE INDEX tellings_followed ON tellings (session) WHERE age < 6;
CREATE INDEX tellings_at ON tellings (at);
-- How often a hook was called, by day (since 1970), folder of the project (4 bytes of its hash) and time taken, as one
-- byte (see `store.known_marks`); and payloads that could not be read.
CREATE TABLE hook_calls (
  day INTEGER NOT NULL, via TEXT NOT NULL, root BLOB NOT NULL, ended INTEGER NOT NULL, took INTEGER NOT NULL,
  calls INTEGER NOT NULL, PRIMARY KEY (day, via, root, ended, took)
) WITHOUT ROWID;
CREATE TABLE unread_payloads (
  day INTEGER NOT NULL, via TEXT NOT NULL, version TEXT NOT NULL, calls INTEGER NOT NULL,
  PRIMARY KEY (day, via, version)
) WITHOUT ROWID;

-- The incident of the same run that was fixed before this error showed.
ALTER TABLE incidents ADD COLUMN follows TEXT NOT NULL DEFAULT '';
-- The approval that waits for another incident, for the same fix in the same project.
ALTER TABLE incidents ADD COLUMN approval TEXT NOT NULL DEFAULT '';
CREATE INDEX incidents_approval ON incidents (approval) WHERE approval<>'';
CREATE INDEX incidents_follows ON incidents (follows) WHERE follows<>'';
-- The orders in which the terminal lists incidents and skills, a page at a time however many there are.
CREATE INDEX incidents_opened ON incidents (opened, seq);
CREATE INDEX incidents_agent ON incidents (agent, seq);
CREATE INDEX incidents_green ON incidents (coalesce(seconds, -1.0), seq);
CREATE INDEX skills_listed_state ON skills (state, label);
CREATE INDEX skills_listed_used ON skills (last_used, label);
CREATE INDEX skills_listed_verified ON skills (
  coalesce(CASE WHEN json_valid(evidence) THEN json_extract(evidence, '$.verified') END, 0), label
);

-- One key for one fix, however it is spelled: evidence, quarantine and sightings are counted by it. '' is not yet known.
ALTER TABLE skills ADD COLUMN action_key TEXT NOT NULL DEFAULT '';
CREATE INDEX skills_by_fix ON skills (bucket, action_key);
CREATE INDEX skills_without_action_key ON skills (skill_id) WHERE action_key='';

-- When a skill was last known to be good: verified by a node of this operator, confirmed by a person, or learnt.
ALTER TABLE skills ADD COLUMN last_good TEXT NOT NULL DEFAULT '';
UPDATE skills SET last_good=max(created, coalesce(
  (SELECT max(o.at) FROM outcomes o WHERE o.skill_id=skills.skill_id AND o.own_operator=1 AND o.result='verified'), ''
));
