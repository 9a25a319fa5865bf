"""The store: what must survive. adbapi on SQLite; the only room that knows SQL (which lies in `sql/`).

One method is one transaction. `database` runs them, `personas`, `conversations`, `messages`, `users` and `log`
are what they do, by noun.
"""

from aichat.store.store import Store

__all__ = ["Store"]
