"""SQL as data: `migrations/` (numbered, never edited once landed) and `queries/` (named, loaded by aiosql)."""
