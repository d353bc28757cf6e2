-- Users, the sessions they are signed in with, and what has been done already.

CREATE TABLE IF NOT EXISTS users (
    id                text PRIMARY KEY,
    email             text NOT NULL,
    password          text NOT NULL,
    name              text,
    email_verified_at timestamptz,
    created_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at        timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- An e-mail is one person's, however it is spelled.
CREATE UNIQUE INDEX IF NOT EXISTS users_email_key ON users (lower(email));

CREATE TABLE IF NOT EXISTS sessions (
    id                 text PRIMARY KEY,
    user_id            text NOT NULL REFERENCES users ON DELETE CASCADE,
    family             text NOT NULL,
    refresh_token_hash text NOT NULL UNIQUE,
    created_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    used_at            timestamptz,
    expires_at         timestamptz NOT NULL,
    revoked_at         timestamptz,
    user_agent         text,
    ip                 text
);

CREATE INDEX IF NOT EXISTS sessions_user_id ON sessions (user_id);

-- A command that came once and was carried out; a second delivery is answered from here.
-- Exactly one of reply and refusal is there once the command's transaction has ended.
CREATE TABLE IF NOT EXISTS processed_messages (
    topic      text NOT NULL,
    message_id text NOT NULL,
    reply      jsonb,
    refusal    jsonb,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (topic, message_id)
);

CREATE INDEX IF NOT EXISTS processed_messages_created_at ON processed_messages (created_at);
