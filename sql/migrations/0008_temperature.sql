-- How freely a persona's model chooses its words: 0 to 2, NULL is the model's own.

ALTER TABLE personas ADD COLUMN temperature REAL;
