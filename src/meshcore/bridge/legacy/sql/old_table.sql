-- The table of the earlier system, as its programs expect it.
CREATE TABLE IF NOT EXISTS enhanced_messages (
    message_id TEXT UNIQUE,
    from_connection TEXT,
    to_connection TEXT,
    from_app TEXT,
    to_app TEXT,
    priority TEXT,
    content TEXT,
    status TEXT,
    created_time,
    delivered_time
);
CREATE INDEX IF NOT EXISTS idx_enhanced_messages_status ON enhanced_messages (status);
CREATE INDEX IF NOT EXISTS idx_enhanced_messages_to_app ON enhanced_messages (to_app);
CREATE INDEX IF NOT EXISTS idx_enhanced_messages_created_time ON enhanced_messages (created_time);
CREATE INDEX IF NOT EXISTS idx_enhanced_messages_skill
    ON enhanced_messages (message_id) WHERE message_id LIKE 'skill_%';
