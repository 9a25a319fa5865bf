-- Who answers for a persona: names from the settings, '' for the settings' own.

ALTER TABLE personas ADD COLUMN provider TEXT NOT NULL DEFAULT '';
ALTER TABLE personas ADD COLUMN fallback TEXT NOT NULL DEFAULT '';
