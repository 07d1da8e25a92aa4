-- What a person approved is carried out once: by which process, and how that went. Of what was approved before this
-- was kept, nothing is known any more, and nothing of it is carried out again.
ALTER TABLE approvals ADD COLUMN process TEXT NOT NULL DEFAULT '';
ALTER TABLE approvals ADD COLUMN result TEXT NOT NULL DEFAULT '';
UPDATE approvals SET result='unknown' WHERE state='approved';
CREATE INDEX approvals_to_carry_out ON approvals (seq) WHERE state='approved' AND result='';

-- What the operator signed, where their key is protected: the exact text and its signature (see healing/words.py).
CREATE TABLE words (
  kind TEXT NOT NULL, key TEXT NOT NULL, text TEXT NOT NULL, sig TEXT NOT NULL, PRIMARY KEY (kind, key)
) WITHOUT ROWID;

-- Failures that a person forgave are named one by one, so that this can be told to the operator's other nodes.
INSERT INTO meta SELECT 'forgiven:' || substr(key, 8), coalesce((
  SELECT group_concat(outcome_id, ' ') FROM outcomes
  WHERE skill_id = substr(meta.key, 8) AND result = 'fix_failed' AND seq <= CAST(meta.value AS INTEGER)
), '') FROM meta WHERE key LIKE 'lifted:%';
DELETE FROM meta WHERE key LIKE 'lifted:%';
