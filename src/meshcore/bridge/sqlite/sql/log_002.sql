-- What was added without programs of version 0.1 noticing: they name the columns that they read and write.
ALTER TABLE members ADD COLUMN beat_key TEXT NOT NULL DEFAULT '';
ALTER TABLE members ADD COLUMN beat_sig TEXT NOT NULL DEFAULT '';
ALTER TABLE members ADD COLUMN beat_text TEXT NOT NULL DEFAULT '';
ALTER TABLE claims ADD COLUMN key TEXT NOT NULL DEFAULT '';
ALTER TABLE claims ADD COLUMN sig TEXT NOT NULL DEFAULT '';
ALTER TABLE claims ADD COLUMN text TEXT NOT NULL DEFAULT '';
INSERT INTO meta VALUES ('revision', '2');
INSERT INTO meta VALUES ('pruned_to', '0');
