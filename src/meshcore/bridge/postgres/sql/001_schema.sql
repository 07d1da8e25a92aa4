-- The mesh's log in PostgreSQL >= 14: one ordered sequence of signed records, its readers, and who has what.
-- Run by the owner, a role without login: whoever logs in reads tables and calls functions, and writes nothing else.
CREATE SCHEMA mesh;

-- One row: who holds its lock gives the next numbers. So commits are in the order of the numbers, without a gap.
CREATE TABLE mesh.head (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    bridge_id text NOT NULL,
    schema_version int NOT NULL,
    seq bigint NOT NULL DEFAULT 0,
    gone bigint NOT NULL DEFAULT 0,         -- rows that were pruned
    pruned_to bigint NOT NULL DEFAULT 0,
    rung_seq bigint NOT NULL DEFAULT 0,     -- up to which listeners were told, and when
    rung_at timestamptz NOT NULL DEFAULT 'epoch'
) WITH (fillfactor = 10);

CREATE TABLE mesh.log (
    seq bigint PRIMARY KEY,
    record_id text NOT NULL,                -- SHA-256 of text
    kind text NOT NULL CHECK (length(kind) <= 64),
    origin text NOT NULL CHECK (origin IN ('mesh', 'legacy')),
    key text NOT NULL CHECK (length(key) <= 128),
    sig text NOT NULL CHECK (length(sig) <= 256),
    text text NOT NULL CHECK (octet_length(text) <= 1048576),
    login name NOT NULL,
    published_at timestamptz NOT NULL,
    UNIQUE (record_id, key, sig)
);

-- Which login speaks for which node; only the owner writes here.
CREATE TABLE mesh.grants (
    node text PRIMARY KEY CHECK (node ~ '^[0-9a-f]{64}$'),
    login name NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX grants_login ON mesh.grants (login);

CREATE TABLE mesh.members (
    number int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    node text NOT NULL UNIQUE,
    name text NOT NULL CHECK (length(name) <= 200),
    host text NOT NULL CHECK (length(host) <= 200),
    key text NOT NULL,
    sig text NOT NULL CHECK (length(sig) <= 256),
    text text NOT NULL CHECK (octet_length(text) <= 1048576),
    joined_at timestamptz NOT NULL
);

-- What changes with every receipt. Of what was published after `since_seq`, and within seven days of a sign of life,
-- a receipt is expected; up to `whole_to` none is missing. A session that listens keeps what it knows of each table that
-- it touches in memory of its own, a thousand times on one server: so all that it needs of a member is here, and without
-- a foreign key. `login` is what mesh.grants says of the node, for as long as that says it.
CREATE TABLE mesh.readers (
    node text PRIMARY KEY,
    member int NOT NULL UNIQUE,             -- of mesh.members, whose rows stay
    login name,
    left_at timestamptz,
    seen_at timestamptz NOT NULL,
    cursor bigint NOT NULL DEFAULT 0,
    since_seq bigint NOT NULL,
    whole_to bigint NOT NULL,
    received bigint NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- Earlier times of a member: it was silent for seven days between them.
CREATE TABLE mesh.spells (
    member int NOT NULL REFERENCES mesh.members,
    after_seq bigint NOT NULL,
    to_seq bigint NOT NULL,
    PRIMARY KEY (member, after_seq)
);

CREATE TABLE mesh.states (
    member int PRIMARY KEY REFERENCES mesh.members,
    key text NOT NULL,
    sig text NOT NULL CHECK (length(sig) <= 256),
    text text NOT NULL CHECK (octet_length(text) <= 1048576)
) WITH (fillfactor = 50);

-- The functions check what they write here: a condition or a type of its own costs every listener's session 80 kB.
CREATE TABLE mesh.receipts (
    seq bigint NOT NULL,
    member int NOT NULL,                    -- of mesh.members, whose rows stay; checked by the policy below
    expected boolean NOT NULL,
    status text NOT NULL,                   -- stored, ignored or rejected
    at timestamptz NOT NULL,
    reason text NOT NULL,                   -- of at most 400 characters
    PRIMARY KEY (seq, member)
);

-- A login takes places in its own name only; `rounds` lets a reader decide and take in one step (see mesh.claim).
CREATE TABLE mesh.claims (
    skill_id text NOT NULL CHECK (length(skill_id) <= 64),
    host text NOT NULL CHECK (length(host) <= 200),
    login name NOT NULL,
    at timestamptz NOT NULL,
    failed boolean NOT NULL,
    key text NOT NULL,
    sig text NOT NULL CHECK (length(sig) <= 256),
    text text NOT NULL CHECK (octet_length(text) <= 1048576),
    PRIMARY KEY (skill_id, host, login)
);
CREATE TABLE mesh.rounds (skill_id text PRIMARY KEY CHECK (length(skill_id) <= 64), round bigint NOT NULL);

CREATE FUNCTION mesh.moment() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT clock_timestamp()';

-- Run as the owner by whoever calls a function below; the session's login is what it began with. In PL/pgSQL, which
-- keeps a plan, where SQL would make one at each call.
CREATE FUNCTION mesh.owns() RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ BEGIN RETURN pg_has_role(session_user, current_user, 'MEMBER'); END $$;

CREATE FUNCTION mesh.mine(p_node text) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ BEGIN RETURN EXISTS (SELECT 1 FROM mesh.grants WHERE node = p_node AND login = session_user); END $$;

-- The owner may copy another bridge into this one, whoever spoke there: what is signed is judged by readers.
CREATE FUNCTION mesh.check_mine(p_node text) RETURNS void LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT (mesh.mine(p_node) OR mesh.owns()) THEN
        RAISE EXCEPTION 'login % does not speak for node %', session_user, left(p_node, 12) USING ERRCODE = '42501';
    END IF;
END $$;

-- Whoever changes grants changes at once who may speak.
CREATE FUNCTION mesh.granted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE mesh.readers r SET login = (SELECT g.login FROM mesh.grants g WHERE g.node = r.node)
    WHERE r.login IS DISTINCT FROM (SELECT g.login FROM mesh.grants g WHERE g.node = r.node);
    RETURN NULL;
END $$;
CREATE TRIGGER granted AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON mesh.grants EXECUTE FUNCTION mesh.granted();

-- What is expected and has not come.
CREATE VIEW mesh.undelivered AS
SELECT l.seq, l.record_id, l.kind, r.node, l.published_at, r.member
FROM mesh.readers r
JOIN mesh.log l ON l.seq > r.whole_to AND l.key <> r.node
WHERE r.left_at IS NULL
  AND (l.seq > r.since_seq AND l.published_at <= r.seen_at + interval '7 days'
       OR EXISTS (SELECT 1 FROM mesh.spells s WHERE s.member = r.member AND l.seq > s.after_seq AND l.seq <= s.to_seq))
  AND NOT EXISTS (SELECT 1 FROM mesh.receipts c WHERE c.seq = l.seq AND c.member = r.member);

-- A sign of life of a member of the session's login: who was silent for seven days begins another interval.
CREATE FUNCTION mesh.live(p_node text) RETURNS int LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_reader mesh.readers;
    v_now timestamptz := mesh.moment();
    v_head bigint;
    v_last bigint;
BEGIN
    PERFORM mesh.check_mine(p_node);
    SELECT * INTO v_reader FROM mesh.readers WHERE node = p_node AND left_at IS NULL FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF v_now <= v_reader.seen_at + interval '7 days' THEN
        UPDATE mesh.readers SET seen_at = greatest(seen_at, v_now) WHERE node = p_node;
        RETURN v_reader.member;
    END IF;
    SELECT seq INTO v_head FROM mesh.head;
    SELECT coalesce(max(seq), v_reader.since_seq) INTO v_last FROM mesh.log
    WHERE seq > v_reader.since_seq AND published_at <= v_reader.seen_at + interval '7 days';
    IF v_last > v_reader.since_seq THEN
        INSERT INTO mesh.spells VALUES (v_reader.member, v_reader.since_seq, v_last) ON CONFLICT DO NOTHING;
    END IF;
    UPDATE mesh.readers SET seen_at = v_now, since_seq = v_head WHERE node = p_node;
    RETURN v_reader.member;
END $$;

CREATE FUNCTION mesh.say(p_member int, p_key text, p_sig text, p_text text) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO mesh.states VALUES (p_member, p_key, p_sig, p_text)
    ON CONFLICT (member) DO UPDATE SET key = excluded.key, sig = excluded.sig, text = excluded.text
$$;

CREATE FUNCTION mesh.join(p_node text, p_name text, p_host text, p_key text, p_sig text, p_text text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_member int;
    v_now timestamptz := mesh.moment();
    v_head bigint;
    v_login name;
    v_is_new boolean;
BEGIN
    PERFORM mesh.check_mine(p_node);
    IF p_key <> p_node THEN
        RAISE EXCEPTION 'the hello of node % is of another key', left(p_node, 12) USING ERRCODE = '42501';
    END IF;
    SELECT seq INTO v_head FROM mesh.head;
    SELECT login INTO v_login FROM mesh.grants WHERE node = p_node FOR SHARE;
    SELECT left_at IS NOT NULL INTO v_is_new FROM mesh.readers WHERE node = p_node FOR UPDATE;
    INSERT INTO mesh.members (node, name, host, key, sig, text, joined_at)
    VALUES (p_node, p_name, p_host, p_key, p_sig, p_text, v_now)
    ON CONFLICT (node) DO UPDATE SET name = excluded.name, host = excluded.host, key = excluded.key,
        sig = excluded.sig, text = excluded.text,
        joined_at = CASE WHEN v_is_new THEN v_now ELSE mesh.members.joined_at END
    RETURNING number INTO v_member;
    INSERT INTO mesh.readers (node, member, login, seen_at, since_seq, whole_to)
    VALUES (p_node, v_member, v_login, v_now, v_head, v_head)
    ON CONFLICT (node) DO UPDATE SET login = excluded.login;
    IF v_is_new THEN
        UPDATE mesh.readers SET left_at = NULL, seen_at = v_now, cursor = 0, since_seq = v_head, whole_to = v_head
        WHERE node = p_node;
    END IF;
    PERFORM mesh.live(p_node);
END $$;

CREATE FUNCTION mesh.beat(p_node text, p_key text, p_sig text, p_text text) RETURNS boolean LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_member int := mesh.live(p_node);
BEGIN
    IF v_member IS NOT NULL AND p_text IS NOT NULL THEN
        IF p_key <> p_node THEN
            RAISE EXCEPTION 'the state of node % is of another key', left(p_node, 12) USING ERRCODE = '42501';
        END IF;
        PERFORM mesh.say(v_member, p_key, p_sig, p_text);
    END IF;
    RETURN v_member IS NOT NULL;
END $$;

-- The member and what is expected of it go; what it has received stays known.
CREATE FUNCTION mesh.leave(p_node text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_member int;
BEGIN
    PERFORM mesh.check_mine(p_node);
    UPDATE mesh.readers SET left_at = mesh.moment() WHERE node = p_node AND left_at IS NULL
    RETURNING member INTO v_member;
    IF v_member IS NULL THEN
        RETURN false;
    END IF;
    DELETE FROM mesh.states WHERE member = v_member;
    DELETE FROM mesh.spells WHERE member = v_member;
    RETURN true;
END $$;

-- Tell listeners how far the log goes, at most 20 times a second; false: somebody has to call mesh.ring() later.
CREATE FUNCTION mesh.tell(p_seq bigint) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE mesh.head SET rung_seq = p_seq, rung_at = clock_timestamp()
    WHERE rung_seq < p_seq AND clock_timestamp() NOT BETWEEN rung_at AND rung_at + interval '50 milliseconds';
    IF FOUND THEN
        PERFORM pg_notify('mesh', p_seq::text);
        RETURN true;
    END IF;
    RETURN (SELECT rung_seq >= p_seq FROM mesh.head);
END $$;

CREATE FUNCTION mesh.tell_late() RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT mesh.tell(seq) FROM mesh.head $$;

CREATE FUNCTION mesh.ring() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT pg_notify('mesh', '') $$;

-- n records in one transaction; the lock on head is kept until it ends.
CREATE FUNCTION mesh.publish(
    p_kinds text[], p_origins text[], p_keys text[], p_sigs text[], p_texts text[],
    p_state_key text, p_state_sig text, p_state_text text, OUT seqs bigint[], OUT told boolean
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_head bigint;
    v_before bigint;
    v_seq bigint;
    v_id text;
    v_key text;
    v_member int;
BEGIN
    FOR v_key IN SELECT DISTINCT k FROM unnest(p_keys, p_origins, p_sigs) AS u (k, o, s)
                 WHERE NOT (o = 'legacy' AND k = '' AND s = '') LOOP
        PERFORM mesh.check_mine(v_key);
    END LOOP;
    IF p_state_text IS NOT NULL THEN
        v_member := mesh.live(p_state_key);
        IF v_member IS NOT NULL THEN
            PERFORM mesh.say(v_member, p_state_key, p_state_sig, p_state_text);
        END IF;
    END IF;
    seqs := '{}';
    told := true;
    SELECT seq INTO v_head FROM mesh.head FOR UPDATE;
    v_before := v_head;
    FOR i IN 1 .. coalesce(array_length(p_texts, 1), 0) LOOP
        v_id := encode(sha256(convert_to(p_texts[i], 'UTF8')), 'hex');
        SELECT seq INTO v_seq FROM mesh.log WHERE record_id = v_id AND key = p_keys[i] AND sig = p_sigs[i];
        IF NOT FOUND THEN
            v_head := v_head + 1;
            v_seq := v_head;
            INSERT INTO mesh.log VALUES (v_seq, v_id, p_kinds[i], p_origins[i], p_keys[i], p_sigs[i], p_texts[i],
                                         session_user, mesh.moment());
        END IF;
        seqs := seqs || v_seq;
    END LOOP;
    IF v_head > v_before THEN
        UPDATE mesh.head SET seq = v_head;
        told := mesh.tell(v_head);
    END IF;
END $$;

-- Receipts and how far a member has come. It is not waited for until it is on the disk: who finds that receipts were
-- lost in a crash gives them again.
CREATE FUNCTION mesh.acknowledge(p_node text, p_seqs bigint[], p_statuses text[], p_reasons text[], p_cursor bigint)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_member int;
    v_reader mesh.readers;
    v_received bigint := 0;
    v_rejected bigint := 0;
BEGIN
    SET LOCAL synchronous_commit = off;
    v_member := mesh.live(p_node);
    IF v_member IS NULL THEN
        RETURN false;
    END IF;
    SELECT * INTO v_reader FROM mesh.readers WHERE node = p_node;
    IF array_length(p_seqs, 1) > 0 THEN
        IF NOT p_statuses <@ ARRAY['stored', 'ignored', 'rejected'] THEN
            RAISE EXCEPTION 'a receipt says stored, ignored or rejected' USING ERRCODE = '22023';
        END IF;
        WITH given AS (
            INSERT INTO mesh.receipts
            SELECT l.seq, v_member,
                   l.key <> p_node
                   AND (l.seq > v_reader.since_seq AND l.published_at <= v_reader.seen_at + interval '7 days'
                        OR EXISTS (SELECT 1 FROM mesh.spells s
                                   WHERE s.member = v_member AND l.seq > s.after_seq AND l.seq <= s.to_seq)),
                   u.status, mesh.moment(), left(u.reason, 400)
            FROM unnest(p_seqs, p_statuses, p_reasons) AS u (seq, status, reason) JOIN mesh.log l ON l.seq = u.seq
            ON CONFLICT DO NOTHING
            RETURNING expected, status
        )
        SELECT count(*) FILTER (WHERE expected), count(*) FILTER (WHERE status = 'rejected')
        INTO v_received, v_rejected FROM given;
    END IF;
    UPDATE mesh.readers r
    SET cursor = greatest(r.cursor, least(p_cursor, h.seq)),
        received = r.received + v_received, rejected = r.rejected + v_rejected,
        whole_to = greatest(r.whole_to, coalesce(
            (SELECT u.seq - 1 FROM mesh.undelivered u WHERE u.member = v_member ORDER BY u.seq LIMIT 1), h.seq))
    FROM mesh.head h WHERE r.node = p_node;
    RETURN true;
END $$;

-- The same where a member has stored, or ignored, all that comes next, from the first to the last: a thousand do this for
-- every record, so it is two plain statements. False where it is anything else, which mesh.acknowledge is for.
CREATE FUNCTION mesh.acknowledge_next(p_node text, p_first bigint, p_last bigint, p_status text)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_member int;
    v_now timestamptz;
    v_new bigint;
BEGIN
    SET LOCAL synchronous_commit = off;
    UPDATE mesh.readers
    SET seen_at = mesh.moment(), cursor = p_last, whole_to = p_last, received = received + (p_last - p_first + 1)
    WHERE node = p_node AND login = session_user AND left_at IS NULL AND p_status IN ('stored', 'ignored')
      AND whole_to = p_first - 1 AND since_seq < p_first AND cursor <= p_last AND p_first <= p_last
      AND mesh.moment() BETWEEN seen_at AND seen_at + interval '7 days'
    RETURNING member, seen_at INTO v_member, v_now;
    IF NOT FOUND THEN
        PERFORM mesh.check_mine(p_node);
        RETURN false;
    END IF;
    INSERT INTO mesh.receipts
    SELECT seq, v_member, true, p_status, v_now, ''
    FROM mesh.log WHERE seq >= p_first AND seq <= p_last AND key <> p_node
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS v_new = ROW_COUNT;
    IF v_new = p_last - p_first + 1 THEN
        RETURN true;
    END IF;
    UPDATE mesh.readers
    SET cursor = least(cursor, (SELECT seq FROM mesh.head)), whole_to = p_first - 1,
        received = received + v_new - (p_last - p_first + 1)
    WHERE node = p_node;
    RETURN false;
END $$;

-- Take a place, or put in its state, where nobody did since the round that the caller has read; false: read again.
CREATE FUNCTION mesh.claim(
    p_skill text, p_host text, p_key text, p_sig text, p_text text, p_failed boolean, p_round bigint
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_round bigint;
BEGIN
    PERFORM mesh.check_mine(p_key);
    INSERT INTO mesh.rounds VALUES (p_skill, 0) ON CONFLICT DO NOTHING;
    SELECT round INTO v_round FROM mesh.rounds WHERE skill_id = p_skill FOR UPDATE;
    IF p_round IS NOT NULL AND v_round <> p_round THEN
        RETURN false;
    END IF;
    UPDATE mesh.rounds SET round = round + 1 WHERE skill_id = p_skill;
    DELETE FROM mesh.claims
    WHERE skill_id = p_skill AND login = session_user AND NOT failed AND at < mesh.moment() - interval '1 day';
    INSERT INTO mesh.claims VALUES (p_skill, p_host, session_user, mesh.moment(), p_failed, p_key, p_sig, p_text)
    ON CONFLICT (skill_id, host, login) DO UPDATE SET at = excluded.at, failed = excluded.failed,
        key = excluded.key, sig = excluded.sig, text = excluded.text;
    RETURN true;
END $$;

CREATE FUNCTION mesh.give_back(p_skill text, p_host text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE mesh.rounds SET round = round + 1 WHERE skill_id = p_skill;
    DELETE FROM mesh.claims WHERE skill_id = p_skill AND host = p_host AND login = session_user;
END $$;

-- The text of a record goes; its place and number stay. What others have said, only the owner erases.
CREATE FUNCTION mesh.erase(p_record_id text) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_rows bigint;
BEGIN
    UPDATE mesh.log SET text = '' WHERE record_id = p_record_id AND (mesh.owns() OR mesh.mine(key));
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    RETURN v_rows;
END $$;

-- Delete summaries that every member has; for who owns the log.
CREATE FUNCTION mesh.prune(p_seqs bigint[]) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_rows bigint;
    v_last bigint;
BEGIN
    IF NOT mesh.owns() THEN
        RAISE EXCEPTION 'login % does not own this bridge', session_user USING ERRCODE = '42501';
    END IF;
    PERFORM 1 FROM mesh.head FOR UPDATE;
    WITH pruned AS (
        DELETE FROM mesh.log l WHERE seq = ANY (p_seqs) AND kind IN ('incident', 'outcome', 'habit', 'correction') AND origin = 'mesh'
        AND NOT EXISTS (SELECT 1 FROM mesh.undelivered u WHERE u.seq = l.seq) RETURNING seq
    )
    SELECT count(*), coalesce(max(seq), 0) INTO v_rows, v_last FROM pruned;
    WITH pruned AS (
        DELETE FROM mesh.receipts c WHERE seq = ANY (p_seqs)
        AND NOT EXISTS (SELECT 1 FROM mesh.log l WHERE l.seq = c.seq) RETURNING member, expected, status
    ), counted AS (
        SELECT member, count(*) FILTER (WHERE expected) AS received, count(*) FILTER (WHERE status = 'rejected') AS bad
        FROM pruned GROUP BY member
    )
    UPDATE mesh.readers r SET received = r.received - c.received, rejected = r.rejected - c.bad
    FROM counted c WHERE c.member = r.member;
    UPDATE mesh.head SET gone = gone + v_rows, pruned_to = greatest(pruned_to, v_last);
    RETURN v_rows;
END $$;

-- Who keeps others from publishing: login and process of the session that holds the lock of head.
CREATE FUNCTION mesh.holders() RETURNS TABLE (login name, pid int) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT DISTINCT a.usename, l.pid
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.relation = 'mesh.head'::regclass AND l.granted AND l.pid <> pg_backend_pid()
      AND l.mode NOT IN ('AccessShareLock', 'ShareUpdateExclusiveLock')
      AND NOT EXISTS (SELECT 1 FROM pg_locks w WHERE w.pid = l.pid AND NOT w.granted)
$$;

-- The second line: even a function with a fault, or a right that was granted by mistake, writes as nobody else.
ALTER TABLE mesh.log ENABLE ROW LEVEL SECURITY;
ALTER TABLE mesh.log FORCE ROW LEVEL SECURITY;
CREATE POLICY reading ON mesh.log FOR SELECT USING (true);
CREATE POLICY publishing ON mesh.log FOR INSERT WITH CHECK (
    login = session_user AND (mesh.mine(key) OR origin = 'legacy' AND key = '' AND sig = '') OR mesh.owns());
CREATE POLICY erasing ON mesh.log FOR UPDATE USING (mesh.mine(key) OR mesh.owns());
CREATE POLICY pruning ON mesh.log FOR DELETE USING (mesh.owns());
ALTER TABLE mesh.receipts ENABLE ROW LEVEL SECURITY;
ALTER TABLE mesh.receipts FORCE ROW LEVEL SECURITY;
CREATE POLICY reading ON mesh.receipts FOR SELECT USING (true);
CREATE POLICY acknowledging ON mesh.receipts FOR INSERT WITH CHECK (
    session_user = (SELECT r.login FROM mesh.readers r WHERE r.member = receipts.member)
    OR mesh.owns());
CREATE POLICY pruning ON mesh.receipts FOR DELETE USING (mesh.owns());

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA mesh FROM PUBLIC;
