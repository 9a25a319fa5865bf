"""A WebSocket relay as an engineer would write it with FastAPI and httpx: `uvicorn fastapi_relay:app`."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

UPSTREAM = os.environ["UPSTREAM_URL"]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(timeout=None, limits=limits) as app.state.client:
        yield


app = FastAPI(lifespan=lifespan)


@app.websocket("/ws")
async def relay(socket: WebSocket) -> None:
    await socket.accept()
    try:
        while True:
            asked = await socket.receive_json()
            body = {
                "model": "fake-1",
                "stream": True,
                "stream_options": {"include_usage": True},
                "messages": [{"role": "user", "content": asked["content"]}],
            }
            async with app.state.client.stream("POST", f"{UPSTREAM}/chat/completions", json=body) as response:
                response.raise_for_status()
                async for line in response.aiter_lines():
                    if not line.startswith("data: ") or line == "data: [DONE]":
                        continue
                    choices = json.loads(line[6:])["choices"]
                    if choices and (content := choices[0]["delta"].get("content")):
                        await socket.send_json({"type": "delta", "content": content})
            await socket.send_json({"type": "done"})
    except WebSocketDisconnect:
        pass
