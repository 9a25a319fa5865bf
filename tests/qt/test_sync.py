"""Two real windows of one user: what is done in one is seen in the other, at once and after it was away."""

from __future__ import annotations

from pathlib import Path

from aichat_qt.main_window import MainWindow
from pytestqt.qtbot import QtBot

from aichat.protocol.values import PersonaChanges, PersonaConfig
from tests.qt.conftest import Open
from tests.qt.test_chat import say, texts
from tests.qt.test_service import WAIT, settled, visit
from tests.service import RunningService


def picture(window: MainWindow) -> object:
    """All that the user sees of the world, without live text."""
    timeline = window.model.timeline
    here = window.model.conversation_id or 0
    return (
        {persona.id: persona for persona in timeline.personas.values()},
        {conversation.id: conversation for conversation in timeline.conversations.values()},
        window.model.messages(),
        [timeline.siblings(here, message.id) for message in window.model.messages()],
    )


def test_everything_done_in_one_is_seen_in_the_other(
    open_window: Open, service: RunningService, qtbot: QtBot, tmp_path: Path
) -> None:
    one = visit(lambda url, token: open_window(url, token, folder=tmp_path), service, qtbot, "in step")
    other = open_window(service.url, service.token)
    persona = one.model.persona_id
    qtbot.waitUntil(lambda: persona in other.model.timeline.personas, timeout=WAIT)
    other.model.select_persona(persona)

    def alike() -> None:
        qtbot.waitUntil(lambda: picture(one) == picture(other), timeout=WAIT)
        qtbot.waitUntil(lambda: texts(one) == texts(other), timeout=WAIT)

    say(one, qtbot, "!slow and seen")
    qtbot.waitUntil(lambda: other.model.running() is not None, timeout=WAIT)  # the new conversation came up by itself
    qtbot.waitUntil(lambda: len(texts(other)[-1]) > 5 and other.model.running() is not None, timeout=WAIT)
    other.model.stop()
    qtbot.waitUntil(lambda: one.model.messages()[-1].status == "stopped", timeout=WAIT)
    alike()
    number = one.model.conversation_id
    assert number is not None and number == other.model.conversation_id
    one.model.go_on()
    qtbot.waitUntil(lambda: other.model.messages()[-1].status == "done" and settled(one), timeout=WAIT)
    other.model.regenerate()
    qtbot.waitUntil(lambda: settled(one) and settled(other), timeout=WAIT)
    alike()
    other.model.rename_conversation(number, "名字")
    qtbot.waitUntil(
        lambda: one.model.conversation is not None and one.model.conversation.title == "名字", timeout=WAIT
    )
    other.model.update_persona(persona, PersonaChanges(greeting="Changed."))
    qtbot.waitUntil(lambda: one.model.persona is not None and one.model.persona.greeting == "Changed.", timeout=WAIT)
    alike()

    one.close()  # away
    say(other, qtbot, "while it was away")
    qtbot.waitUntil(lambda: settled(other) and texts(other)[-1] == "你说：while it was away", timeout=WAIT)
    other.model.create_persona(PersonaConfig(name="made meanwhile", prompt="Be."))
    qtbot.waitUntil(
        lambda: "made meanwhile" in [p.name for p in other.model.timeline.personas.values()], timeout=WAIT
    )
    one = open_window(service.url, service.token, folder=tmp_path)
    one.model.select_persona(persona)
    one.model.select_conversation(number)
    alike()

    other.model.delete_conversation(number)
    qtbot.waitUntil(lambda: number not in one.model.timeline.conversations, timeout=WAIT)
    assert one.model.conversation_id != number
    one.model.delete_persona(persona)
    qtbot.waitUntil(lambda: persona not in other.model.timeline.personas, timeout=WAIT)
    qtbot.waitUntil(lambda: other.model.persona_id not in ("", persona), timeout=WAIT)
