"""The app on a stage: scripted frames in, keys pressed, the screen read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aichat_tui.theme import PALETTES
from aichat_tui.widgets.composer import Composer
from aichat_tui.widgets.personas import Entry, PersonaList
from aichat_tui.widgets.transcript import Transcript
from msgspec.structs import replace
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Checkbox, Input, TextArea

from aichat.protocol import frames
from aichat.protocol.session import State
from aichat.protocol.values import AI, USER, Failure
from tests.tui.stage import Stage, screen_text, until
from tests.tui.world import STORM, World

Scene = Callable[[Stage, Pilot[None]], Awaitable[None]]


def play(scene: Scene, world: World | None = None, size: tuple[int, int] = (100, 30), **more: bool | str) -> Stage:
    """Run a scene."""

    async def run() -> Stage:
        stage = Stage(world, **more)
        async with stage.app.run_test(size=size) as pilot:
            await scene(stage, pilot)
        return stage

    return asyncio.run(run())


async def write(pilot: Pilot[None], text: str) -> None:
    pilot.app.screen.query_one(Composer).insert(text)
    await pilot.press("enter")


def transcript(stage: Stage) -> Transcript:
    return stage.app.screen.query_one(Transcript)


def talked(count: int = 3, *, words: str = "message") -> World:
    world = World()
    conversation = world.add_conversation("mara", "An old talk")
    for n in range(count):
        world.add_message(conversation, AI if n % 2 else USER, f"{words} {n}")
    return world


# saying and answers


def test_an_answer_streams_and_settles() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "Ahoy, mate")
        await write(pilot, "hello")
        text = await until(pilot, "waiting for the first word")
        assert "Esc Stop" in text
        (answer,) = stage.world.running()
        stage.world.grow(answer, reasoning="hmm")
        await until(pilot, "thinking…")
        stage.world.grow(answer, "It was **bold")
        await until(pilot, "It was **bold▍")
        stage.world.grow(answer, "** and 大海")
        await until(pilot, "It was bold and 大海▍")
        stage.world.finish(answer, ms=3000)
        text = await until(pilot, "thought for 3 seconds")
        assert "It was bold and 大海" in text
        assert "▍" not in text
        assert "Stop" not in text

    stage = play(scene)
    assert stage.world.said == ["hello"]


def test_what_is_said_stands_there_at_once_and_only_once() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "Ahoy, mate")
        stage.link.reachable = False
        stage.link.drop()
        await write(pilot, "are you there?")
        text = await until(pilot, "sending…")
        assert "offline — reconnecting in" in text
        assert "1 message waits here" in text
        assert stage.world.said == []
        stage.link.reachable = True
        await pilot.press("ctrl+r")
        text = await until(pilot, "offline", absent=True)
        assert text.count("are you there?") >= 1
        keys = [row.key for row in transcript(stage).rows if row.kind == "own"]
        assert len(keys) == 1

    assert play(scene).world.said == ["are you there?"]


def test_offline_words_can_be_taken_back() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "Ahoy, mate")
        stage.link.reachable = False
        stage.link.drop()
        await write(pilot, "never mind")
        await until(pilot, "sending…")
        await pilot.press("escape")
        await until(pilot, "sending…", absent=True)
        assert stage.app.screen.query_one(Composer).text == "never mind"

    assert play(scene).world.said == []


def test_esc_stops_an_answer() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "Ahoy, mate")
        await write(pilot, "hello")
        await until(pilot, "Esc Stop")
        stage.world.grow(stage.world.running()[0], "half a sen")
        await until(pilot, "half a sen")
        await pilot.press("escape")
        text = await until(pilot, "■ stopped")
        assert "half a sen" in text

    assert "chat_stop" in play(scene).world.commands


@pytest.mark.parametrize(
    ("status", "words"),
    [("failed", "No answer. The account has no balance"), ("interrupted", "! The account has no balance")],
)
def test_a_broken_answer_says_why_and_is_asked_again(status: str, words: str) -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "Ahoy, mate")
        await write(pilot, "hello")
        await until(pilot, "Esc Stop")
        failure = Failure(code="upstream_no_balance", message="The account has no balance left.")
        stage.world.finish(stage.world.running()[0], status, failure)
        text = await until(pilot, words)
        assert "Ctrl+R asks again" in text
        await pilot.press("ctrl+r")
        await until(pilot, words, absent=True)
        stage.world.grow(stage.world.running()[0], "second try")
        await until(pilot, "second try")

    assert "chat_regenerate" in play(scene).world.commands


def test_an_answer_that_broke_off_goes_on_in_its_place() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "Ahoy, mate")
        await write(pilot, "hello")
        await until(pilot, "Esc Stop")
        stage.world.grow(stage.world.running()[0], "one sentence that **was")
        stage.world.finish(stage.world.running()[0], "interrupted")
        text = await until(pilot, "Ctrl+G continues · Ctrl+R asks again")
        assert "^G Continue" in text
        await pilot.press("ctrl+g")
        text = await until(pilot, "was▍")
        assert "broke off" not in text and "^G Continue" not in text
        stage.world.grow(stage.world.running()[0], " cut** in two")
        stage.world.finish(stage.world.running()[0])
        text = await until(pilot, "one sentence that was cut in two")
        assert "▍" not in text and text.count("one sentence") == 1

    commands = play(scene).world.commands
    assert "chat_continue" in commands and "chat_regenerate" not in commands


def test_an_answer_without_a_word_cannot_go_on() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "Ahoy, mate")
        await write(pilot, "hello")
        await until(pilot, "Esc Stop")
        await pilot.press("escape")
        text = await until(pilot, "■ stopped")
        assert "Ctrl+R asks again" in text and "Ctrl+G" not in text
        await pilot.press("ctrl+g")

    assert "chat_continue" not in play(scene).world.commands


def test_the_place_in_line_is_told() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "Ahoy, mate")
        await write(pilot, "hello")
        await until(pilot, "waiting for the first word")
        answer = stage.world.running()[0]
        stage.world.queue(answer, 3)
        text = await until(pilot, "waiting in line, number 3")
        assert "first word" not in text and "Esc Stop" in text
        stage.world.queue(answer, 1)
        await until(pilot, "next in line")
        stage.world.queue(answer, 0)
        await until(pilot, "waiting for the first word")
        stage.world.grow(answer, "half")
        stage.world.finish(answer, "stopped")
        await until(pilot, "■ stopped")
        await pilot.press("ctrl+g")
        await until(pilot, "half▍")
        stage.world.queue(answer, 2)  # a continuation waits too, below what is there
        text = await until(pilot, "waiting in line, number 2")
        assert "half▍" in text

    play(scene)


def test_a_refused_message_can_be_sent_again_or_taken_back() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "Ahoy, mate")
        error = frames.Error(code="rate_limited", message="Too many requests: wait a little.", retryable=True)
        stage.world.refuse["chat"] = error
        await write(pilot, "first")
        await until(pilot, "not sent: Too many requests")
        stage.world.refuse["chat"] = error
        await pilot.press("ctrl+r")
        await until(pilot, lambda: stage.world.commands.count("chat") == 2)
        await until(pilot, "not sent")
        await pilot.press("ctrl+x")
        await until(pilot, "not sent", absent=True)
        assert stage.app.screen.query_one(Composer).text == "first"
        await pilot.press("enter")
        await until(pilot, "Esc Stop")

    assert play(scene).world.said == ["first"]


def test_while_an_answer_runs_the_next_text_waits_in_the_composer() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "Ahoy, mate")
        await write(pilot, "one")
        await until(pilot, "Esc Stop")
        await write(pilot, "two")
        await until(pilot, "still being written")
        assert stage.app.screen.query_one(Composer).text == "two"

    assert play(scene).world.said == ["one"]


def test_text_typed_while_a_conversation_begins_stays() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "Ahoy, mate")
        stage.link.reachable = False
        stage.link.drop()
        await write(pilot, "one")
        stage.app.screen.query_one(Composer).insert("and")
        stage.link.reachable = True
        await pilot.press("ctrl+r")
        await until(pilot, "Esc Stop")
        assert stage.app.screen.query_one(Composer).text == "and"

    play(scene)


# the connection


def test_a_drop_in_the_middle_of_an_answer_leaves_no_gap() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "Ahoy, mate")
        await write(pilot, "hello")
        await until(pilot, "Esc Stop")
        (answer,) = stage.world.running()
        stage.world.grow(answer, "one ")
        await until(pilot, "one")
        stage.link.drop()
        stage.world.grow(answer, "two ")
        text = await until(pilot, "offline — reconnecting")
        assert "○ offline" in text
        await pilot.press("ctrl+r")
        await until(pilot, "one two")
        stage.world.grow(answer, "three")
        await until(pilot, "one two three▍")
        stage.world.finish(answer)
        text = await until(pilot, "▍", absent=True)
        assert "one two three" in text
        assert "● live" in text

    play(scene)


def test_an_answer_that_ended_during_a_drop_is_there_afterwards() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "Ahoy, mate")
        await write(pilot, "hello")
        await until(pilot, "Esc Stop")
        (answer,) = stage.world.running()
        stage.link.drop()
        stage.world.grow(answer, "all of it")
        stage.world.finish(answer)
        await pilot.press("ctrl+r")
        await until(pilot, "all of it")

    play(scene)


def test_another_store_behind_the_same_address_is_loaded_anew() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "message 2")
        stage.link.drop()
        stage.link.world = World(epoch="e2")
        await pilot.press("ctrl+r")
        text = await until(pilot, "Ahoy, mate")
        assert "message 2" not in text

    play(scene, talked())


def test_a_refused_token_is_said_and_not_tried_forever() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        text = await until(pilot, "Log in at 127.0.0.1:8765")
        assert "This token is not valid." in text
        assert stage.session.state is State.REFUSED
        await pilot.press("escape")
        text = await until(pilot, "You are not logged in at")
        assert "This token is not valid. · Ctrl+R logs in" in text
        await pilot.press("ctrl+r")
        await until(pilot, "Log in at 127.0.0.1:8765")
        await pilot.press("tab", "tab", *"good", "enter")
        await until(pilot, "Ahoy, mate")

    play(scene, World(token="good"), token="bad")


def shared_world(*, shared: bool) -> World:
    """The first persona is another user's."""
    world = talked()
    world.personas["mara"] = replace(world.personas["mara"], owner="wei", shared=shared)
    return world


def test_a_shared_persona_says_whose_it_is_and_stays_theirs() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        text = await until(pilot, "message 2")
        assert "wei" in text
        for key in "ed":
            await pilot.press("ctrl+b", key)
            await until(pilot, "This persona is wei's: only they can change it.")
        await pilot.press("escape")
        await write(pilot, "hello")
        await until(pilot, "waiting for the first word")

    play(scene, shared_world(shared=True), size=(120, 30))


def test_a_persona_no_longer_shared_can_be_read_on() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "message 2")
        await until(pilot, "wei no longer shares this persona; you can read on.")
        await write(pilot, "hello")
        await pilot.pause()
        assert stage.app.screen.query_one(Composer).text == "hello"

    assert "chat" not in play(scene, shared_world(shared=False)).world.commands


def test_a_persona_is_shared_by_its_owner() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "message 2")
        await pilot.press("ctrl+b", "e")
        await until(pilot, "Share with all users")
        stage.app.screen.query_one("#shared", Checkbox).value = True
        await until(pilot, "[x] Share with all users")
        await pilot.press("ctrl+s")
        await until(pilot, "⇄")

    assert play(scene, talked()).world.personas["mara"].shared


def test_without_a_server_it_says_so_and_what_to_do() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        text = await until(pilot, "Nobody answers at ws://127.0.0.1:8765/ws")
        assert "twist aichat" in text
        stage.link.reachable = True
        await pilot.press("ctrl+r")
        await until(pilot, "Ahoy, mate")

    play(scene, reachable=False)


# reading


def test_paging_back_keeps_the_place_and_loads_all() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "message 399")
        assert len(transcript(stage).rows) < 110
        await pilot.press("tab", "tab")
        seen: set[str] = set()
        text = screen_text(stage.app)
        while "message 0" not in text:
            seen.update(text.split())
            await pilot.press("pageup")
            text = await until(pilot, lambda: True)
        seen.update(text.split())
        assert {str(n) for n in range(1, 400)} <= seen
        await pilot.press("G")
        await until(pilot, "message 399")

    play(scene, talked(400))


def test_scrolled_up_it_stays_and_says_what_is_new() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "message 59")
        await write(pilot, "go on")
        await until(pilot, "Esc Stop")
        await pilot.press("pageup", "pageup")
        before = cut(await until(pilot, "go on", absent=True))
        stage.world.grow(stage.world.running()[0], "line\n\n" * 30)
        text = await until(pilot, "↓ new")
        assert cut(text) == before
        await pilot.press("ctrl+end")
        await until(pilot, "▍")
        await until(pilot, "↓ new", absent=True)

    play(scene, talked(60))


def cut(text: str) -> list[str]:
    """The conversation without the bar at its right and the sign at its end."""
    return [line[:90].rstrip() for line in text.splitlines()[2:20]]


def test_reasoning_opens_and_closes() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "▸ thought for 2 seconds")
        await pilot.press("tab", "tab", "r")
        await until(pilot, "the secret thought")
        await pilot.press("r")
        await until(pilot, "the secret thought", absent=True)

    world = World()
    talk = world.add_conversation("mara", "t")
    world.add_message(talk, USER, "q")
    world.add_message(talk, AI, "a", reasoning="the secret thought", reasoning_ms=2000)
    play(scene, world)


def test_an_answer_is_copied_as_it_was_written() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "message x 3")
        await pilot.press("tab", "tab", "y")
        await until(pilot, "The message is copied.")
        assert stage.app.clipboard == "message **x** 3"

    play(scene, talked(4, words="message **x**"))


def test_an_answer_elsewhere_leaves_a_mark() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "message 2")
        other = stage.world.connect(lambda data: None)
        stage.world.handle(other, frames.Chat(content="x", persona_id="xiaoyu", request_id="o1"))
        stage.world.finish(stage.world.running()[0])
        text = await until(pilot, lambda: "●" in line_of(stage, "林小雨"))
        assert "●" not in line_of(stage, "Captain")
        assert text
        await pilot.press("alt+down", "alt+down")
        await until(pilot, lambda: "●" not in line_of(stage, "林小雨"))

    play(scene, talked())


def line_of(stage: Stage, words: str) -> str:
    line = next(line for line in screen_text(stage.app).splitlines() if words in line)
    return line.partition("│")[0]


# starters, personas, conversations


def test_starters_by_number_and_by_arrow() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, STORM)
        await pilot.press("1")
        await until(pilot, lambda: stage.app.screen.query_one(Composer).text == STORM)
        assert stage.world.said == []
        stage.app.screen.query_one(Composer).text = ""
        await pilot.press("down", "down", "enter")
        await until(pilot, "Esc Stop")

    assert play(scene).world.said == ["What is the strangest thing you saw at sea?"]


def test_a_digit_in_a_conversation_is_a_digit() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "message 2")
        await pilot.press("1", "0", "enter")
        await until(pilot, "Esc Stop")

    assert play(scene, talked()).world.said == ["10"]


def test_a_new_line_and_many_pasted_lines() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "Ahoy, mate")
        composer = stage.app.screen.query_one(Composer)
        await pilot.press("a", "ctrl+j", "b")
        assert composer.text == "a\nb"
        assert composer.size.height == 2
        composer.insert("\n" * 30 + "end")
        await until(pilot, lambda: composer.size.height == 8)
        await pilot.press("enter")
        await until(pilot, lambda: composer.size.height == 1)

    assert play(scene).world.said == ["a\nb" + "\n" * 30 + "end"]


def test_drafts_stay_where_they_were_written() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "Ahoy, mate")
        composer = stage.app.screen.query_one(Composer)
        await pilot.press("h", "i", "alt+down")
        await until(pilot, "Paste a function")
        assert composer.text == ""
        await pilot.press("alt+up")
        await until(pilot, "Ahoy, mate")
        assert composer.text == "hi"

    play(scene)


def test_a_persona_is_made_changed_and_deleted() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "Ahoy, mate")
        await pilot.press("ctrl+b", "n")
        await until(pilot, "New persona")
        await pilot.press("ctrl+s")
        await until(pilot, "A persona needs a name.")
        await pilot.press(*"Ada")
        stage.app.screen.query_one("#prompt", TextArea).text = "You are Ada."
        stage.app.screen.query_one("#greeting", TextArea).text = "Good evening."
        stage.app.screen.query_one("#starters", TextArea).text = "One?\n\nTwo?\n"
        stage.world.refuse["persona_create"] = frames.Error(
            code="storage_failed", message="Disk full.", retryable=True
        )
        await pilot.press("ctrl+s")
        await until(pilot, "not saved: Disk full.")
        await pilot.press("ctrl+s")
        await until(pilot, "Good evening.")
        (ada,) = [p for p in stage.world.personas.values() if p.name == "Ada"]
        assert (ada.prompt, ada.starters) == ("You are Ada.", ["One?", "Two?"])
        assert stage.desk.persona_id == ada.id

        await pilot.press("ctrl+b", "e")
        await until(pilot, "Edit Ada")
        stage.app.screen.query_one("#name", Input).value = "Ada L."
        await pilot.press("ctrl+s")
        await until(pilot, "Edit Ada", absent=True)
        await until(pilot, "Ada L.")

        await pilot.press("ctrl+b", "d")
        text = await until(pilot, "Delete Ada L.?")
        assert "This cannot be undone." in text
        await pilot.press("enter")
        await until(pilot, "Delete Ada", absent=True)
        assert ada.id in stage.world.personas, "Enter keeps: the harmless button has the focus"
        await pilot.press("d")
        await until(pilot, "Delete Ada L.?")
        await pilot.press("y")
        await until(pilot, "Ada L.", absent=True)
        assert ada.id not in stage.world.personas

    play(scene)


def test_a_form_offline_is_saved_later() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "Ahoy, mate")
        stage.link.reachable = False
        stage.link.drop()
        await pilot.press("ctrl+b", "e")
        await until(pilot, "Edit Captain Mara")
        stage.app.screen.query_one("#name", Input).value = "Mara"
        await pilot.press("ctrl+s")
        await until(pilot, "saved as soon as the connection is back")
        stage.link.reachable = True
        stage.link.retry_now()
        await until(pilot, "Edit Captain Mara", absent=True)
        assert stage.world.personas["mara"].name == "Mara"

    play(scene)


def test_leaving_a_form_with_words_in_it_is_asked_about() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "Ahoy, mate")
        await pilot.press("ctrl+b", "n", "x", "escape")
        await until(pilot, "Leave without saving?")
        await pilot.press("escape")
        await until(pilot, "New persona")
        await pilot.press("escape")
        await until(pilot, "Leave without saving?")
        await pilot.press("y")
        await until(pilot, "New persona", absent=True)

    play(scene)


def test_conversations_are_opened_found_renamed_and_deleted() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "in talk 3")
        await pilot.press("ctrl+o")
        text = await until(pilot, "3 conversations · Captain Mara")
        assert text.index("Talk 3") < text.index("Talk 2") < text.index("Talk 1")
        await pilot.press("j", "enter")
        await until(pilot, "in talk 2")
        await pilot.press("ctrl+o", "r")
        await until(pilot, lambda: stage.app.focused is not None and stage.app.focused.id == "edit")
        stage.app.screen.query_one("#edit", Input).value = "Renamed"
        await pilot.press("enter")
        await until(pilot, "Renamed")
        await pilot.press("slash", *"talk 1")
        await until(pilot, "Talk 3", absent=True)
        await pilot.press("enter", "enter")
        await until(pilot, "in talk 1")
        await pilot.press("ctrl+o", "d")
        await until(pilot, "“Talk 1” was deleted · u Undo")
        await until(pilot, "2 conversations · ")
        await pilot.press("n")
        await until(pilot, "Ahoy, mate")

    world = World()
    for n in (1, 2, 3):
        world.add_message(world.add_conversation("mara", f"Talk {n}"), USER, f"in talk {n}")
    assert [c.title for c in play(scene, world).world.conversations.values()] == ["Renamed", "Talk 3"]


def test_the_theme_changes() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "message 2")
        await pilot.press("ctrl+t")
        assert stage.app.theme == "aichat-light"
        strips = stage.app.screen._compositor.render_strips()
        grounds = {s.style.bgcolor.triplet.hex for strip in strips for s in strip if s.style and s.style.bgcolor}
        assert "#14161a" not in grounds

    play(scene, talked())


def test_the_drawer_of_a_narrow_terminal() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "message 2")
        assert "Code Reviewer" not in screen_text(stage.app)
        await pilot.press("ctrl+b")
        await until(pilot, "Code Reviewer")
        await pilot.press("j", "enter")
        await until(pilot, "Paste a function")
        await until(pilot, "林小雨", absent=True)

    play(scene, talked(), size=(50, 20))


def test_a_resize_keeps_the_place() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "message 59")
        await pilot.resize_terminal(60, 20)
        await until(pilot, "message 59")
        await pilot.press("pageup", "pageup")
        top = screen_text(stage.app).splitlines()[2]
        await pilot.resize_terminal(100, 20)
        await until(pilot, top.strip(" │"))

    play(scene, talked(60))


def test_names_and_titles_cannot_command_the_terminal() -> None:
    async def scene(stage: Stage, pilot: Pilot[None]) -> None:
        await until(pilot, "Evil")
        for keys in (["ctrl+o"], ["r"], ["escape"], ["escape"], ["ctrl+b"], ["e"], ["escape"], ["d"]):
            await pilot.press(*keys)
            await until(pilot, lambda: True)
            assert not set(screen_text(stage.app)) & set("\x1b\x9b\x07\u202e"), keys
        assert stage.desk.messages[-1].content.startswith("\x1b"), "the timeline keeps it raw"

    evil = "\x1b]52;c;aGk=\x07Evil\x1b[2J\u202e[@click=app.quit]x[/]"
    world = World([])
    world.personas["e"] = frames.Persona(id="e", name=evil, avatar="", prompt=evil, greeting=evil, starters=[evil])
    talk = world.add_conversation("e", evil)
    world.add_message(talk, USER, evil)
    world.add_message(talk, AI, evil, reasoning=evil, status="failed", failure=Failure(code="internal", message=evil))
    play(scene, world)


def test_the_cursor_follows_to_a_persona_whose_event_comes_late() -> None:
    class Listing(App[None]):
        def compose(self) -> ComposeResult:
            yield PersonaList(id="personas")

    def entry(name: str) -> Entry:
        return Entry(name, name, "", "", False)

    async def run() -> None:
        app = Listing()
        async with app.run_test(size=(60, 20)) as pilot:
            listing, palette = app.query_one(PersonaList), PALETTES["aichat-dark"]
            listing.show([entry("mara"), entry("xueba")], "mara", palette)
            await pilot.pause()
            listing.show([entry("mara"), entry("xueba")], "ada", palette)  # made and chosen, its event is on its way
            listing.show([entry("mara"), entry("xueba"), entry("ada")], "ada", palette)
            assert listing.highlighted_id == "ada", "else Delete would ask about another one"
            listing.highlighted = 0
            listing.show([entry("mara"), entry("xueba"), entry("ada"), entry("kai")], "ada", palette)
            assert listing.highlighted_id == "mara", "it stays where its user put it"

    asyncio.run(run())
