"""What went wrong, in the reader's language: the server says it in English, with a code.

A sentence that is known here is translated with what stands in it; any other by the meaning of its code, and the
server's own words stay behind it. A test compares both lists with the server's.
"""

from __future__ import annotations

import re
from functools import lru_cache

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from aichat.protocol.errors import ERRORS
from aichat_qt.languages import languages
from aichat_qt.words import one_line

MEANINGS = (
    QT_TRANSLATE_NOOP("failures", "The frame or body is not valid: not JSON, a wrong type, a missing field."),
    QT_TRANSLATE_NOOP("failures", "The frame's `type` is not one that this server knows."),
    QT_TRANSLATE_NOOP("failures", "The frame, body or field is over its size limit."),
    QT_TRANSLATE_NOOP("failures", "The JSON is nested too deeply."),
    QT_TRANSLATE_NOOP("failures", "This frame belongs to the full protocol: send `hello` first."),
    QT_TRANSLATE_NOOP("failures", "A `hello` was sent on a connection that has one already."),
    QT_TRANSLATE_NOOP("failures", "The protocol version asked for is not spoken here."),
    QT_TRANSLATE_NOOP("failures", "This `request_id` was used before with another body."),
    QT_TRANSLATE_NOOP("failures", "No such persona, conversation, message or page, or it is not yours."),
    QT_TRANSLATE_NOOP("failures", "This address does not answer that HTTP method."),
    QT_TRANSLATE_NOOP("failures", "The present state does not allow this."),
    QT_TRANSLATE_NOOP("failures", "An answer is already being written in this conversation."),
    QT_TRANSLATE_NOOP("failures", "A valid token is needed and was not given."),
    QT_TRANSLATE_NOOP("failures", "The Origin, the Host or the role does not allow this."),
    QT_TRANSLATE_NOOP("failures", "Too many requests: wait a little."),
    QT_TRANSLATE_NOOP("failures", "The model service could not be reached."),
    QT_TRANSLATE_NOOP("failures", "The model service refused the API key."),
    QT_TRANSLATE_NOOP("failures", "The model service says the account has no balance left."),
    QT_TRANSLATE_NOOP("failures", "The model service asks to slow down."),
    QT_TRANSLATE_NOOP("failures", "The model service failed or is overloaded."),
    QT_TRANSLATE_NOOP("failures", "The model service did not accept the request."),
    QT_TRANSLATE_NOOP("failures", "The model service sent something that is not a chat answer."),
    QT_TRANSLATE_NOOP("failures", "The model service did not answer in time."),
    QT_TRANSLATE_NOOP("failures", "The answer broke off before its end; what came is kept."),
    QT_TRANSLATE_NOOP("failures", "The model reached its limit of length; what came is kept."),
    QT_TRANSLATE_NOOP("failures", "The model service's filter broke the answer off; what came is kept."),
    QT_TRANSLATE_NOOP("failures", "The conversation is longer than the model can read."),
    QT_TRANSLATE_NOOP("failures", "The embedded model is missing or did not start."),
    QT_TRANSLATE_NOOP("failures", "The AI bridge could not be reached."),
    QT_TRANSLATE_NOOP("failures", "The database refused the write: nothing was saved."),
    QT_TRANSLATE_NOOP("failures", "The server is stopping: try again in a moment."),
    QT_TRANSLATE_NOOP("failures", "A fault in the server; it is in the server's log."),
)
"""Of the codes, as in `errors.ERRORS`."""

SENTENCES = (
    QT_TRANSLATE_NOOP("failures", "The name or the password is wrong."),
    QT_TRANSLATE_NOOP("failures", "This token is not known here (any more)."),
    QT_TRANSLATE_NOOP("failures", "This server wants a token or a login; its owner finds a token in owner.token."),
    QT_TRANSLATE_NOOP("failures", "Too many people log in at once: try again in a moment."),
    QT_TRANSLATE_NOOP("failures", "{0} has {1} connections open already."),
    QT_TRANSLATE_NOOP("failures", "That is too often: try again in {0} s."),
    QT_TRANSLATE_NOOP("failures", "{0} belongs to {1}, who alone can change it."),
    QT_TRANSLATE_NOOP("failures", "{0} does not share {1} any more; you can read on."),
    QT_TRANSLATE_NOOP("failures", "Only an owner chooses `model`, `provider` and `fallback` here: leave them out."),
    QT_TRANSLATE_NOOP("failures", "There is no persona {0} here."),
    QT_TRANSLATE_NOOP("failures", "There is no conversation {0} here."),
    QT_TRANSLATE_NOOP("failures", "There is no message {0} in this conversation."),
    QT_TRANSLATE_NOOP("failures", "That conversation is with another persona."),
    QT_TRANSLATE_NOOP("failures", "That conversation is not deleted."),
    QT_TRANSLATE_NOOP("failures", "That message was deleted."),
    QT_TRANSLATE_NOOP("failures", "This answer was deleted while it was being written."),
    QT_TRANSLATE_NOOP("failures", "An answer is being written in this conversation: stop it, or wait for its end."),
    QT_TRANSLATE_NOOP("failures", "Another message is the last one in this conversation by now."),
    QT_TRANSLATE_NOOP("failures", "That answer is whole."),
    QT_TRANSLATE_NOOP("failures", "There is no text to go on with: have it answered anew."),
    QT_TRANSLATE_NOOP("failures", "{0} of your questions are not answered yet: wait for some of them."),
    QT_TRANSLATE_NOOP("failures", "The model service at {0} could not be reached: {1}"),
    QT_TRANSLATE_NOOP("failures", "The model service at {0} broke off: {1}"),
    QT_TRANSLATE_NOOP("failures", "The model finished without a word. Try again, or ask in another way."),
    QT_TRANSLATE_NOOP(
        "failures", "The embedded model stopped in the middle of the answer; it starts anew with the next message."
    ),
    QT_TRANSLATE_NOOP("failures", "The model {0} is not here yet. Fetch it with: {1}"),
    QT_TRANSLATE_NOOP("failures", "There is no character in that picture."),
    QT_TRANSLATE_NOOP("failures", "The character in that picture is damaged."),
    QT_TRANSLATE_NOOP("failures", "That is no character card."),
    QT_TRANSLATE_NOOP("failures", "That is no character card: its text is not JSON."),
    QT_TRANSLATE_NOOP("failures", "That is no character card: it has no name, or nothing but one."),
    QT_TRANSLATE_NOOP("failures", "There is no card.json in that file."),
    QT_TRANSLATE_NOOP("failures", "That .charx is damaged."),
)
"""What a person meets in the app and the server says in other words than its code's; holes as there."""

HOLE = re.compile(r"\\\{\d\\\}")


def _tr(text: str) -> str:
    return QCoreApplication.translate("failures", text)


def said(message: str, code: str = "") -> str:
    """An error's words for a label. `message` is the server's, or that of an `AichatError`; "" stays so."""
    message = one_line(message)
    if languages().current == "en" or not message:
        return message
    for source in map(str, SENTENCES):
        found = _pattern(source).fullmatch(message)
        if found:
            return QCoreApplication.translate("failures", source).format(*found.groups())
    if code not in ERRORS:
        return message
    english = ERRORS[code].meaning
    meaning = QCoreApplication.translate("failures", english)
    rest = message.removeprefix(english).strip().removeprefix("It says: ")
    if rest.startswith("(") and rest.endswith(")"):
        rest = rest[1:-1]
    return _tr("{0} ({1})").format(meaning, rest) if rest else meaning


@lru_cache(maxsize=100)
def _pattern(source: str) -> re.Pattern[str]:
    return re.compile(HOLE.sub("(.+?)", re.escape(source)))
