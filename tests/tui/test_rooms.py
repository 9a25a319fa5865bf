"""Conversations and search in the terminal app, on the real service over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aichat_tui import i18n
from aichat_tui.app import ChatApp
from aichat_tui.link import SocketLink
from textual.pilot import Pilot
from textual.widgets import OptionList

from aichat.protocol import frames
from aichat.protocol.address import Address
from aichat.protocol.session import Session, State
from tests.service import RunningService
from tests.tui.stage import screen_text, until

Play = Callable[[ChatApp, Pilot[None]], Awaitable[None]]


@pytest.fixture(autouse=True)
def english() -> object:
    i18n.speak("en")
    yield
    i18n.speak("en")


def act(service: RunningService, play: Play, size: tuple[int, int] = (100, 30)) -> None:
    """The app in a terminal of this size, connected to the service."""

    async def run() -> None:
        session = Session(client="test")
        url = f"ws://127.0.0.1:{service.port}/ws"
        app = ChatApp(session, SocketLink(session, lambda: Address(url, "")), server=url)
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: session.state is State.LIVE and app.desk.persona is not None)
            await play(app, pilot)

    asyncio.run(run())


def list_of(app: ChatApp) -> list[int]:
    """The conversations that are listed."""
    return [int(option.id or 0) for option in app.screen.query_one("#conversations", OptionList).options]


async def talk(app: ChatApp, pilot: Pilot[None], words: str, *, new: bool = True) -> int:
    """Say something and wait for the whole answer -> its conversation."""
    if new:
        app.desk.new_conversation()
    app.desk.say(words)

    def answered() -> bool:
        messages = app.desk.messages
        return app.desk.running is None and len(messages) > 1 and not app.desk.said()

    await until(pilot, answered)
    assert app.desk.conversation_id is not None
    return app.desk.conversation_id


def test_what_is_done_with_conversations_is_done_on_the_server(fresh_service: RunningService) -> None:
    async def play(app: ChatApp, pilot: Pilot[None]) -> None:
        first = await talk(app, pilot, "Knots for beginners")
        second = await talk(app, pilot, "海边 旅行")
        known = app.desk.timeline.conversations
        await pilot.press("ctrl+o")
        await until(pilot, "海边 旅行")
        await pilot.press("j", "p")
        await until(pilot, lambda: known[first].pinned)
        await until(pilot, "▲")
        await pilot.press("g", "r")
        await until(pilot, lambda: app.screen.focused is not None and app.screen.focused.id == "edit")
        await pilot.press("ctrl+u", *"Bowlines", "enter")
        await until(pilot, lambda: known[first].title == "Bowlines")
        await until(pilot, "Bowlines")
        await pilot.press("t", *"knots, 绳结", "enter")
        await until(pilot, lambda: known[first].tags == ["knots", "绳结"])
        await until(pilot, "#knots #绳结")
        await pilot.press("slash", *"#kn")
        await until(pilot, lambda: list_of(app) == [first])
        await pilot.press("escape", "G", "a")
        await until(pilot, lambda: known[second].archived)
        await pilot.press("v")
        await until(pilot, "Archive: ")
        await until(pilot, "海边 旅行")
        await pilot.press("a")
        await until(pilot, lambda: not known[second].archived)
        await until(pilot, "Nothing is archived")
        await pilot.press("escape", "g", "d")
        await until(pilot, lambda: first not in known)
        await until(pilot, "“Bowlines” was deleted · u Undo")
        await pilot.press("u")
        await until(pilot, lambda: first in known)
        await until(pilot, "#knots #绳结")

    act(fresh_service, play)


def test_unread_is_told_and_read_is_told_to_the_other_devices(fresh_service: RunningService) -> None:
    async def play(app: ChatApp, pilot: Pilot[None]) -> None:
        first = await talk(app, pilot, "one")
        known = app.desk.timeline.conversations
        await until(pilot, lambda: not known[first].unread and known[first].read > 0)
        await talk(app, pilot, "two")
        app.desk.request(frames.Chat(content="three", conversation_id=first))  # as another device would
        await until(pilot, lambda: known[first].unread and app.desk.is_unread(known[first]))
        await pilot.press("ctrl+o")
        await until(pilot, " ●")
        await pilot.press("escape")
        app.go(app.desk.persona_id, first)
        await until(pilot, lambda: not known[first].unread)

    act(fresh_service, play)


@pytest.mark.parametrize("words", ["灯塔", "lighthouse"])
def test_search_goes_to_a_message_far_up(fresh_service: RunningService, words: str) -> None:
    """It is on no page that is loaded, and in another conversation."""

    async def play(app: ChatApp, pilot: Pilot[None]) -> None:
        far = await talk(app, pilot, "The lighthouse, 那座灯塔, at the end of the pier")
        for number in range(60):
            await talk(app, pilot, f"and then {number}", new=False)
        await talk(app, pilot, "something else")
        app.session.timeline.clear()  # as after a start: what is far up is not here
        app.session.received(frames.encode(frames.Welcome(version=1, server="", user=app.session.user, epoch="x",
                                                          seq=0, recovered=False)))  # fmt: skip
        app.link.flush()
        await until(pilot, lambda: far in app.desk.timeline.conversations)
        await pilot.press("ctrl+f", *words)
        await until(pilot, "place")
        await pilot.press("enter", "j", "enter")  # below its title, the answer that has the words
        await until(pilot, lambda: app.desk.conversation_id == far)
        assert "and then 59" not in await until(pilot, "你说：The lighthouse")

    act(fresh_service, play)


def test_three_columns_where_there_is_room(fresh_service: RunningService) -> None:
    async def play(app: ChatApp, pilot: Pilot[None]) -> None:
        first = await talk(app, pilot, "first talk")
        await talk(app, pilot, "second talk")
        await until(pilot, "conversations · ")
        await pilot.press("ctrl+o", "G", "enter")
        await until(pilot, lambda: app.desk.conversation_id == first)
        assert len(app.screen_stack) == 1
        await pilot.resize_terminal(100, 30)
        assert "conversations · " not in await until(pilot, "first talk")
        assert screen_text(app)

    act(fresh_service, play, (200, 60))
