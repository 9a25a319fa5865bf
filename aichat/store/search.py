"""Search in everything a user has said and was answered, in Chinese too, and in the titles.

The index has every three letters in a row of a message (SQLite's trigram tokenizer: Chinese has no spaces) and finds
candidates; whether one matches is seen in its text. So what the index has of changed text does no harm, and it need
not know where in a text a word stands. A question of one or two letters is beyond it: then the newest messages are
read, some thousands a time, and the reply says where to go on.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from twisted.internet.defer import Deferred

from aichat.protocol.errors import AichatError
from aichat.protocol.frames import SearchRequest, SearchResults
from aichat.protocol.values import Conversation, SearchResult
from aichat.store.conversations import get_conversation
from aichat.store.database import Database
from aichat.store.matching import Words, snippet
from aichat.store.rows import to_conversation
from aichat.store.text_index import index_some, mark, quoted

CANDIDATES_MOST = 5_000
"""Messages that the index takes for matches which one request looks at."""

WINDOW = 30_000
"""Message ids that one request without the index goes back."""

TITLES_MOST, TITLES_READ = 20, 20_000


class Search:
    """Fills the index, and asks it."""

    def __init__(self, database: Database, queries: Any) -> None:
        self._database = database
        self._queries = queries

    def index(self, user_ids: list[int]) -> Deferred[list[int]]:
        """Put some of these users' messages into the index -> those of whom not all is in it."""
        return self._database.write(lambda connection: index_some(self._queries, connection, user_ids))

    def find(self, user_id: int, request: SearchRequest) -> Deferred[SearchResults]:
        """The newest matches before a message. Errors: AichatError not_found, bad_frame (no word in it)."""
        words = Words(request.query)
        if not words.all:
            raise AichatError("bad_frame", "There is no word in that `query`.")
        return self._database.read(lambda connection: self._find(connection, user_id, request, words))

    def _find(
        self, connection: sqlite3.Connection, user_id: int, request: SearchRequest, words: Words
    ) -> SearchResults:
        queries, before = self._queries, request.before or 2**53
        known: dict[int, Conversation | None] = {}
        leaf_id = 0
        if request.conversation_id is not None:
            chosen = get_conversation(queries, connection, user_id, request.conversation_id)
            known[chosen.id], leaf_id = chosen, chosen.leaf_id

        def conversation(ident: int) -> Conversation | None:
            """One of this user's, with the persona that is asked for."""
            if ident not in known:
                row = queries.conversation(connection, id=ident, user_id=user_id)
                known[ident] = None if row is None else to_conversation(row)
            found = known[ident]
            return found if found is not None and request.persona_id in ("", found.persona_id) else None

        results: list[SearchResult] = []
        if request.before is None and request.conversation_id is None:
            for ident, title in queries.titles(connection, user_id=user_id, limit=TITLES_READ):
                if len(results) < TITLES_MOST and (places := words.places(title)) and (found := conversation(ident)):
                    results.append(SearchResult(conversation=found, snippet=title, matches=places))
        count, end = 0, 0
        for row in self._candidates(connection, user_id, request, words, before, leaf_id):
            if isinstance(row, int):
                end = row
                break
            ident, conversation_id, sender, content, time = row
            places = words.places(content)
            if places and (found := conversation(conversation_id)):
                text, matches = snippet(content, places)
                results.append(
                    SearchResult(
                        conversation=found,
                        snippet=text,
                        matches=matches,
                        message_id=ident,
                        sender_type=sender,
                        send_time=time,
                    )
                )
                count += 1
                if count == request.limit:
                    end = ident
                    break
        return SearchResults(query=request.query, results=results, before=end, request_id=request.request_id)

    def _candidates(
        self,
        connection: sqlite3.Connection,
        user_id: int,
        request: SearchRequest,
        words: Words,
        before: int,
        leaf_id: int,
    ) -> Iterator[Any]:
        """Rows that may match, the newest first; in the end an id: where to go on, if there is more.

        Inside of a conversation it is the shown messages, down to `leaf_id`; elsewhere all, whatever branch is shown.
        """
        queries = self._queries
        if request.conversation_id is not None:
            yield from queries.messages_inside(connection, leaf_id=leaf_id, before=before, pattern=words.pattern)
        elif words.grams:
            grams = " AND ".join([quoted(mark(user_id)), *map(quoted, words.grams)])
            rows = queries.messages_with(connection, words=grams, user_id=user_id, before=before)
            for number, row in enumerate(rows, 1):
                yield row
                if number == CANDIDATES_MOST:
                    yield row[0]
        else:
            before = min(before, (queries.newest_message(connection) or 0) + 1)
            since = max(before - WINDOW, 1)
            yield from queries.messages_between(
                connection, user_id=user_id, since=since, before=before, pattern=words.pattern
            )
            if since > 1:
                yield since
