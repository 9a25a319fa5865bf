"""aichat without a screen: for scripts, pipes, screen readers and dumb terminals. No Textual is imported here.

Order of the floors: `output` (what is printed, exit statuses) < `errand` (a connection, and waiting on it), `finding`
< `asking`, `reading`, `chatting`. `docs/plain.md` is for those who use it.
"""
