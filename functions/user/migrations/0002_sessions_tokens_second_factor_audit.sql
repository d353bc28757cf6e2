-- Rotating refresh tokens, tokens that are mailed, the second factor, and the audit trail.

-- One row is one refresh token; the rows of one login are a family, and a spent one keeps its row
-- until it would have expired, so that a second use of it is noticed.
ALTER TABLE sessions ADD COLUMN IF NOT EXISTS signed_in_at timestamptz;
UPDATE sessions SET signed_in_at = created_at WHERE signed_in_at IS NULL;
ALTER TABLE sessions
    ALTER COLUMN signed_in_at SET NOT NULL,
    ALTER COLUMN signed_in_at SET DEFAULT clock_timestamp();
CREATE INDEX IF NOT EXISTS sessions_family ON sessions (family);
CREATE INDEX IF NOT EXISTS sessions_expires_at ON sessions (expires_at);

-- Each works once: it is deleted in the transaction that uses it.
CREATE TABLE IF NOT EXISTS tokens (
    hash       text PRIMARY KEY,
    purpose    text NOT NULL CHECK (purpose IN ('reset', 'verify', 'challenge')),
    user_id    text NOT NULL REFERENCES users ON DELETE CASCADE,
    email      text, -- the address that the token proves
    attempts   int NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS tokens_user_id ON tokens (user_id);
CREATE INDEX IF NOT EXISTS tokens_expires_at ON tokens (expires_at);

CREATE TABLE IF NOT EXISTS second_factors (
    user_id      text PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    secret       jsonb NOT NULL, -- sealed to the user function's own key
    confirmed_at timestamptz,
    last_step    bigint NOT NULL DEFAULT 0, -- the time step (RFC 6238) of the last code taken
    failures     int NOT NULL DEFAULT 0,
    retry_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE IF NOT EXISTS recovery_codes (
    user_id text NOT NULL REFERENCES users ON DELETE CASCADE,
    hash    text NOT NULL,
    PRIMARY KEY (user_id, hash)
);

-- What a command wants sent is kept with its outcome: a second delivery sends it again.
ALTER TABLE processed_messages ADD COLUMN IF NOT EXISTS user_id text;
ALTER TABLE processed_messages ADD COLUMN IF NOT EXISTS events jsonb;
CREATE INDEX IF NOT EXISTS processed_messages_user_id ON processed_messages (user_id);

-- No foreign key: what was done stays known after the account is deleted.
CREATE TABLE IF NOT EXISTS audit_events (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind       text NOT NULL,
    user_id    text,
    session    text,
    user_agent text,
    ip         text,
    request_id text
);
CREATE INDEX IF NOT EXISTS audit_events_user_id ON audit_events (user_id, id);

CREATE OR REPLACE FUNCTION audit_events_only_grow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_events is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE OR REPLACE TRIGGER audit_events_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION audit_events_only_grow();
