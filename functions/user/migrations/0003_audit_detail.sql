-- What an event is about that no person did: the name of a key, for one.
ALTER TABLE audit_events ADD COLUMN IF NOT EXISTS detail text;
