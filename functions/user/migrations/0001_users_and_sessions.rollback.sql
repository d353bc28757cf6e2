DROP TABLE processed_messages;
DROP TABLE sessions;
DROP TABLE users;
