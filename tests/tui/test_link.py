"""The link by itself: to whom it speaks, and to whom not."""

from __future__ import annotations

import asyncio

from aichat_tui.link import SocketLink

from aichat.protocol.address import Address
from aichat.protocol.session import Session


class Waiter:
    """A listener that waits for the next try to be due."""

    def __init__(self, link: SocketLink) -> None:
        self.link = link
        self.failed = asyncio.Event()

    def on_frame(self, frame, changes) -> None:
        raise AssertionError(frame)

    def on_state(self) -> None:
        if self.link.retry_at is not None:
            self.failed.set()

    def on_kept(self, done: bool) -> None: ...


def test_a_redirect_is_not_followed() -> None:
    """The token goes to the server that was named, and to nobody that it names."""

    async def scene() -> tuple[list[bytes], list[bytes]]:
        asked: list[bytes] = []
        elsewhere: list[bytes] = []

        async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            elsewhere.append(await reader.read(1))
            writer.close()

        async def named(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:%d/ws\r\nContent-Length: 0\r\n\r\n" % there)
            writer.close()

        async with await asyncio.start_server(other, "127.0.0.1", 0) as far:
            there = far.sockets[0].getsockname()[1]
            async with await asyncio.start_server(named, "127.0.0.1", 0) as near:
                url = f"ws://127.0.0.1:{near.sockets[0].getsockname()[1]}/ws"
                link = SocketLink(Session(), lambda: Address(url, "secret"))
                waiter = Waiter(link)
                link.start(waiter)
                await asyncio.wait_for(waiter.failed.wait(), 10)
                link.stop()
                await link.settle()
        return asked, elsewhere

    asked, elsewhere = asyncio.run(scene())
    assert len(asked) == 1 and b"secret" not in asked[0]
    assert not elsewhere
