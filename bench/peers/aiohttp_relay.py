"""A WebSocket relay as an engineer would write it with aiohttp, on uvloop: `python aiohttp_relay.py PORT`."""

import json
import os
import sys
from collections.abc import AsyncIterator

import aiohttp
import uvloop
from aiohttp import web

UPSTREAM = os.environ["UPSTREAM_URL"]
CLIENT = web.AppKey("client", aiohttp.ClientSession)


async def client(app: web.Application) -> AsyncIterator[None]:
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session:
        app[CLIENT] = session
        yield


async def relay(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    async for message in socket:
        asked = message.json()
        body = {
            "model": "fake-1",
            "stream": True,
            "stream_options": {"include_usage": True},
            "messages": [{"role": "user", "content": asked["content"]}],
        }
        async with request.app[CLIENT].post(f"{UPSTREAM}/chat/completions", json=body) as response:
            response.raise_for_status()
            async for line in response.content:
                if not line.startswith(b"data: ") or line.startswith(b"data: [DONE]"):
                    continue
                choices = json.loads(line[6:])["choices"]
                if choices and (content := choices[0]["delta"].get("content")):
                    await socket.send_json({"type": "delta", "content": content})
        await socket.send_json({"type": "done"})
    return socket


def main() -> None:
    app = web.Application()
    app.cleanup_ctx.append(client)
    app.router.add_get("/ws", relay)
    web.run_app(
        app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None, loop=uvloop.new_event_loop()
    )


if __name__ == "__main__":
    main()
