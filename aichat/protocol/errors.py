"""Every error code, what it means, whether to try again, and its HTTP status.

The one table behind WebSocket `error` frames, the bridge's `{"success": false, "error": ...}` and the
clients' wording. `docs/errors.md` lists it; a test compares the two.
"""

from __future__ import annotations

from typing import NamedTuple


class ErrorKind(NamedTuple):
    """One row of the table."""

    retryable: bool
    http_status: int
    meaning: str


ERRORS: dict[str, ErrorKind] = {
    # what the client sent
    "bad_frame": ErrorKind(False, 400, "The frame or body is not valid: not JSON, a wrong type, a missing field."),
    "unknown_type": ErrorKind(False, 400, "The frame's `type` is not one that this server knows."),
    "too_large": ErrorKind(False, 413, "The frame, body or field is over its size limit."),
    "too_deep": ErrorKind(False, 400, "The JSON is nested too deeply."),
    "hello_required": ErrorKind(False, 400, "This frame belongs to the full protocol: send `hello` first."),
    "hello_repeated": ErrorKind(False, 400, "A `hello` was sent on a connection that has one already."),
    "version_unsupported": ErrorKind(False, 400, "The protocol version asked for is not spoken here."),
    "request_id_reused": ErrorKind(False, 409, "This `request_id` was used before with another body."),
    "not_found": ErrorKind(False, 404, "No such persona, conversation, message or page, or it is not yours."),
    "method_not_allowed": ErrorKind(False, 405, "This address does not answer that HTTP method."),
    "conflict": ErrorKind(False, 409, "The present state does not allow this."),
    "busy": ErrorKind(True, 409, "An answer is already being written in this conversation."),
    # who sent it
    "unauthorized": ErrorKind(False, 401, "A valid token is needed and was not given."),
    "forbidden": ErrorKind(False, 403, "The Origin, the Host or the role does not allow this."),
    "rate_limited": ErrorKind(True, 429, "Too many requests: wait a little."),
    # the answer's way
    "upstream_unreachable": ErrorKind(True, 502, "The model service could not be reached."),
    "upstream_unauthorized": ErrorKind(False, 502, "The model service refused the API key."),
    "upstream_no_balance": ErrorKind(False, 502, "The model service says the account has no balance left."),
    "upstream_rate_limited": ErrorKind(True, 503, "The model service asks to slow down."),
    "upstream_unavailable": ErrorKind(True, 502, "The model service failed or is overloaded."),
    "upstream_rejected": ErrorKind(False, 502, "The model service did not accept the request."),
    "upstream_invalid": ErrorKind(True, 502, "The model service sent something that is not a chat answer."),
    "upstream_timeout": ErrorKind(True, 504, "The model service did not answer in time."),
    "upstream_interrupted": ErrorKind(True, 502, "The answer broke off before its end; what came is kept."),
    "answer_cut_short": ErrorKind(True, 502, "The model reached its limit of length; what came is kept."),
    "answer_filtered": ErrorKind(False, 502, "The model service's filter broke the answer off; what came is kept."),
    "context_exceeded": ErrorKind(False, 400, "The conversation is longer than the model can read."),
    "model_unavailable": ErrorKind(True, 503, "The embedded model is missing or did not start."),
    "bridge_unreachable": ErrorKind(True, 502, "The AI bridge could not be reached."),
    # the server itself
    "storage_failed": ErrorKind(True, 503, "The database refused the write: nothing was saved."),
    "shutting_down": ErrorKind(True, 503, "The server is stopping: try again in a moment."),
    "internal": ErrorKind(True, 500, "A fault in the server; it is in the server's log."),
}


class AichatError(Exception):
    """An error that a person is meant to read.

    `code` is a key of `ERRORS`; `message` says what happened and what to do; `retry_after` (seconds)
    is set where the upstream or a limit asked for a pause.
    """

    def __init__(self, code: str, message: str = "", *, retry_after: float | None = None) -> None:
        self.code = code
        self.kind = ERRORS[code]
        self.message = message or self.kind.meaning
        self.retryable = self.kind.retryable
        self.retry_after = retry_after
        super().__init__(f"{code}: {self.message}")
