-- One index for both questions about unfinished answers, of a user and in a conversation, since every turn writes it
-- twice. With `status` in it the rows, long texts that they are, need not be read to be counted.

CREATE INDEX messages_unfinished_in ON messages (user_id, conversation_id, status) WHERE status = 'running';
DROP INDEX messages_running;
DROP INDEX messages_unfinished;
