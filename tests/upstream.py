"""A fake OpenAI-compatible upstream as a process: `python -m tests.upstream` prints `{"port": N}`.

What the last user message says decides how it answers; anything else is answered with an echo in small deltas.
Requests are recorded: GET /requests gives them, with whether the client closed each before its end; GET /load says
how many there are `now`, and were at `most` at once.

    !slow            the echo, one delta per 50 ms             !long N          N deltas of 20 characters, 5 ms apart
    !pace MS TEXT    TEXT in pieces of 4, MS ms apart
    !think           reasoning_content, then content           !tags            the same as <think> tags
    !whole           JSON without streaming                    !nodone          finish_reason, but no [DONE]
    !linger          a whole answer whose socket stays open
    !split           UTF-8 cut at every byte                   !empty           finish without content
    !retry           429 and Retry-After: 1 once, then fine    !context         exceed_context_size_error while the
                                                                                prompt has more than 4 messages
    !clock N         N deltas, 10 ms apart, each the time of its making (time.monotonic) and a space

Faults before the first delta:

    !repeat          400, telling what it was asked
    !leak            401, telling the key that it got          !deep            500 with an error nested 50,000 deep
    !status N [S]    HTTP status N, with Retry-After: S        !page N          HTTP status N with a large HTML page
    !hang            nothing at all                            !mute            headers, then nothing
    !drop            a reset instead of headers                !redirect        302 to another address, see `canary`
    !html            200 with text/html                        !type T          a stream that says it is of type T
    !error           200 with an error as JSON                 !bytes N [K]     one delta (K) of N characters

Faults after three deltas ("一", "two ", "三。"):

    !stall           nothing more                              !cut             a reset (RST)
    !eof             a clean end, no finish_reason             !garbage         an event that is not JSON
    !truncate        a body without length, cut in an event    !oops            an error as an event
    !drip            keep-alive comments for ever              !endless         deltas for ever, 1,000 characters each

A request that goes on with an answer gets "四 five 😀。". Words in its question: "repeat" says the end of the text
before once more, "refuse" takes no last message of the assistant, "again" cuts it too, "slow", "401".
"!recite N" is a text of N words, and what goes on with it is the rest of exactly that text.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from itertools import chain, repeat
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred
from twisted.internet.task import deferLater
from twisted.protocols.policies import WrappingFactory
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

MODEL = "fake-1"


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    body = {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": MODEL,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **more,
    }
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


END = b"".join(
    [
        chunk({}, "stop"),
        b'data: {"choices":[],"model":"fake-1","usage":{"prompt_tokens":3,"completion_tokens":5}}\n\n',
        b"data: [DONE]\n\n",
    ]
)


def wait(seconds: float) -> Deferred[None]:
    return deferLater(reactor, seconds)  # type: ignore[arg-type]


def recital(count: int) -> str:
    """The text of `!recite`: so many words, each of them there once."""
    return "".join(f"{n}汉😀 " for n in range(count))


def pieces_of(text: str, size: int = 3) -> list[bytes]:
    return [chunk({"content": text[i : i + size]}) for i in range(0, len(text), size)]


class Completions(Resource):
    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[dict[str, Any]] = []
        self.now = self.most = 0  # requests at once
        self.retried = False
        self.canary = ""
        self.obeys = True

    def render_GET(self, request: Request) -> bytes:
        request.setHeader("content-type", "application/json")
        if request.path == b"/load":
            return json.dumps({"now": self.now, "most": self.most}).encode()
        if request.path.endswith(b"/models"):
            return json.dumps({"object": "list", "data": [{"id": MODEL, "object": "model"}]}).encode()
        return json.dumps(self.seen).encode()

    def render_POST(self, request: Request) -> Any:
        body = json.loads(request.content.read())
        record = {
            "body": body,
            "path": request.path.decode(),
            "authorization": request.getHeader("authorization"),
            "left": False,
            "done": False,
        }
        self.seen.append(record)
        self.now += 1
        self.most = max(self.most, self.now)
        ended = request.notifyFinish()
        ended.addCallbacks(
            lambda _: record.update(done=True), lambda _: record.update(left=True, left_time=time.monotonic())
        )
        ended.addCallback(lambda _: setattr(self, "now", self.now - 1))
        last = body["messages"][-1]
        goes_on = last["role"] == "assistant" or last["content"].startswith("Your last message broke off")
        answer = self.go_on if goes_on else self.answer
        ensureDeferred(answer(request, body["messages"], record)).addErrback(lambda f: f.printTraceback())
        return NOT_DONE_YET

    def refuse(self, request: Request, status: int, body: bytes = b"", kind: str = "application/json") -> None:
        request.setResponseCode(status)
        request.setHeader("content-type", kind)
        request.write(body or json.dumps({"error": {"message": f"fake {status}", "type": "fake"}}).encode())
        request.finish()

    async def answer(self, request: Request, messages: list[dict[str, str]], record: dict[str, Any]) -> None:
        said = messages[-1]["content"]
        if "!" in (part[:1] for part in said.split("\n\n")) and not said.startswith("!pace "):
            said = said.rpartition("\n\n")[2]  # a question whose answer failed stands before the next one
        word, _, rest = said.partition(" ") if self.obeys else ("", "", "")
        match word:
            case "!hang":
                return
            case "!drop":
                return request.channel.transport.abortConnection()
            case "!leak" | "!repeat":
                status, told = (401, record["authorization"]) if word == "!leak" else (400, messages)
                return self.refuse(request, status, json.dumps({"error": {"message": f"wrong: {told}"}}).encode())
            case "!deep":
                return self.refuse(request, 500, b'{"error": ' + b"[" * 50_000)
            case "!status":
                status, _, seconds = rest.partition(" ")
                if seconds:
                    request.setHeader("retry-after", seconds)
                return self.refuse(request, int(status))
            case "!page":
                page = b"<html><h1>Bad gateway</h1>" + b"<p>so sorry</p>" * 10_000
                return self.refuse(request, int(rest), page, "text/html")
            case "!retry" if not self.retried:
                self.retried = True
                request.setHeader("retry-after", "1")
                return self.refuse(request, 429)
            case "!html":
                return self.refuse(request, 200, b"<h1>hello</h1>", "text/html")
            case "!error":
                return self.refuse(request, 200, b'{"error": {"message": "out of order"}}')
            case "!whole":
                whole = {"choices": [{"message": {"content": "whole"}, "finish_reason": "stop"}], "model": MODEL}
                return self.refuse(request, 200, json.dumps(whole).encode())
            case "!redirect":
                request.setHeader("location", self.canary or "http://127.0.0.1:1/")
                return self.refuse(request, 302)
            case "!context" if len(messages) > 4:
                words = {"error": {"message": "too long", "type": "exceed_context_size_error", "code": 400}}
                return self.refuse(request, 400, json.dumps(words).encode())
        pieces, pause, end = self.script(word, rest, said)
        if end == "truncate":
            return self.truncate(request, pieces)
        request.setHeader("content-type", rest if word == "!type" else "text/event-stream")
        request.write(b": keep-alive\n\n" + chunk({"role": "assistant", "content": ""}))
        for piece in pieces:
            if record["left"]:
                return
            request.write(piece)
            if pause:
                await wait(pause)
        if record["left"]:
            return
        match end:
            case "stall":
                return
            case "cut":
                request.channel.transport.abortConnection()
            case "eof":
                request.finish()
            case "linger":
                request.write(chunk({}, "stop"))
            case "nodone":
                request.write(chunk({}, "stop"))
                request.finish()
            case _:
                request.write(END)
                request.finish()

    def truncate(self, request: Request, pieces: list[bytes]) -> None:
        """A body that ends where the connection does, in the middle of an event."""
        socket = request.channel.transport
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
        socket.write(head + b"".join(pieces) + chunk({"content": "never read"})[:-20])
        socket.loseConnection()

    async def go_on(self, request: Request, messages: list[dict[str, str]], record: dict[str, Any]) -> None:
        """Go on with an answer that broke off; words of its question decide how."""
        in_words = messages[-1]["role"] == "user"
        asked = [m["content"] for m in messages if m["role"] == "user"][-2 if in_words else -1]
        if "401" in asked or ("refuse" in asked and not in_words):
            return self.refuse(request, 401 if "401" in asked else 400)
        request.setHeader("content-type", "text/event-stream")
        if asked.startswith("!recite "):
            return await self.recite(request, asked, messages[-2 if in_words else -1]["content"], in_words, record)
        for n, text in enumerate([*(("two ", "三。") if "repeat" in asked else ()), "四 ", "five ", "😀。"]):
            if record["left"]:
                return
            if "again" in asked and n == 2:
                return request.channel.transport.abortConnection()
            request.write(chunk({"content": text}))
            await wait(0.5 if "slow" in asked else 0.01)
        if not record["left"]:
            request.write(END)
            request.finish()

    async def recite(self, request: Request, asked: str, kept: str, in_words: bool, record: dict[str, Any]) -> None:
        """The rest of a recital, each third time cut again; asked in words it says the last words once more."""
        whole = recital(int(asked.split()[1]))
        at = whole.index(kept) + len(kept)
        pieces = pieces_of(whole[max(0, at - 12) if in_words else at :])
        cut = len(self.seen) % 3 == 0 and len(pieces) > 40
        for piece in pieces[: 40 if cut else None]:
            if record["left"]:
                return
            request.write(piece)
            await wait(0.01)
        if cut:
            request.channel.transport.abortConnection()
        elif not record["left"]:
            request.write(END)
            request.finish()

    def script(self, word: str, rest: str, said: str) -> tuple[Iterable[bytes], float, str]:
        """The pieces to write, the pause between them in seconds, and how to end."""
        three = [chunk({"content": text}) for text in ("一", "two ", "三。")]
        match word:
            case "!recite":
                return pieces_of(recital(int(rest.partition(" ")[0]))), 0.01, ""
            case "!slow":
                return [chunk({"content": c}) for c in f"慢慢地 slowly: {rest or 'word ' * 20}"], 0.05, ""
            case "!pace":
                pause, _, text = rest.partition(" ")
                return pieces_of(text, 4), int(pause) / 1000, ""
            case "!long":
                count = int(rest.partition(" ")[0])
                return [chunk({"content": f"{n:06d} 春眠不觉晓 abc。"}) for n in range(count)], 0.005, ""
            case "!clock":
                return (chunk({"content": f"{time.monotonic():.6f} "}) for _ in range(int(rest))), 0.01, ""
            case "!think":
                thought = [chunk({"reasoning_content": t}) for t in ("let me ", "think")]
                return [*thought, chunk({"content": "42"})], 0.01, ""
            case "!tags":
                return [chunk({"content": t}) for t in ("<thi", "nk>let me ", "think</th", "ink>\n\n4", "2")], 0, ""
            case "!stall" | "!cut" | "!eof" | "!truncate" | "!nodone" | "!linger":
                return three, 0.01, word[1:]
            case "!garbage":
                return [*three, b"data: {not json\n\n"], 0, ""
            case "!oops":
                return [*three, b'data: {"error": {"message": "out of order"}}\n\n'], 0, ""
            case "!drip":
                return chain(three, repeat(b": keep-alive\n\n")), 0.02, ""
            case "!endless":
                return chain(three, repeat(chunk({"content": "x" * 1_000}))), 0.0002, ""
            case "!mute":
                return [], 0, "stall"
            case "!type":
                return three, 0, "stall"
            case "!split":
                data = b"".join(chunk({"content": c}) for c in "汉字 and 😀")
                return [data[i : i + 1] for i in range(len(data))], 0.0001, ""
            case "!empty":
                return [], 0, ""
            case "!bytes":
                size, _, times = rest.partition(" ")
                return [chunk({"content": "x" * int(size)})] * int(times or 1), 0, ""
            case _:
                text = f"你说：{said}"
                return [chunk({"content": text[i : i + 3]}) for i in range(0, len(text), 3)], 0.002, ""


class Fake:
    """A fake upstream on a loopback port of this process's reactor."""

    def __init__(self) -> None:
        self.completions = Completions()
        self._factory = WrappingFactory(Site(self.completions))
        self._port = reactor.listenTCP(0, self._factory, interface="127.0.0.1")  # type: ignore[attr-defined]
        self.port = self._port.getHost().port
        self.url = f"http://127.0.0.1:{self.port}/v1"

    @property
    def asked(self) -> int:
        """How many requests came so far."""
        return len(self.completions.seen)

    @property
    def open_connections(self) -> int:
        """How many sockets are open at this end."""
        return len(self._factory.protocols)

    def close(self) -> Deferred[None]:
        """Listen no more."""
        return maybeDeferred(self._port.stopListening)


def main() -> None:
    print(json.dumps({"port": Fake().port}), flush=True)
    sys.stdin.close()
    reactor.run()  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
