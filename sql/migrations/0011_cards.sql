-- What a persona keeps of the character card that it came from, and has no other place for: JSON of its data.

ALTER TABLE personas ADD COLUMN card TEXT NOT NULL DEFAULT '';
