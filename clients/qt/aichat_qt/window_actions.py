"""What can be done in the main window, by which keys; and what the command palette offers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QGuiApplication, QKeySequence

from aichat.protocol.values import AI, ConversationChanges
from aichat_qt.actions import Actions
from aichat_qt.command_palette import Entry
from aichat_qt.languages import NAMES, languages
from aichat_qt.server_dialogs import add_server, title_of
from aichat_qt.theme import theme
from aichat_qt.words import one_line

if TYPE_CHECKING:
    from aichat_qt.main_window import MainWindow

PICTURES = ("chats", "retry", "person", "right", "settings")
"""An icon for each section, in their order."""
Standard = QKeySequence.StandardKey


def _tr(text: str) -> str:
    return QCoreApplication.translate("", text)


def add_all(window: MainWindow, actions: Actions) -> None:
    """Everything that the window can do."""
    _about_conversations(window, actions)
    _about_answers(window, actions)
    _about_personas(window, actions)
    _about_places(window, actions)
    _about_the_app(window, actions)


def _about_conversations(window: MainWindow, actions: Actions) -> None:
    model, section = window.model, _tr("Conversation")

    def persona() -> bool:
        return model.persona is not None

    def here() -> bool:
        return model.conversation is not None

    def step(by: int) -> None:
        numbers = [conversation.id for conversation in model.conversations()]
        number = model.conversation_id
        at = numbers.index(number) + by if number in numbers else 0
        if 0 <= at < len(numbers):
            model.select_conversation(numbers[at])

    def pin() -> None:
        if model.conversation is not None:
            changes = ConversationChanges(pinned=not model.conversation.pinned)
            model.change_conversation(model.conversation.id, changes)

    def archive() -> None:
        if model.conversation is not None:
            changes = ConversationChanges(archived=not model.conversation.archived)
            model.change_conversation(model.conversation.id, changes)

    def export() -> None:
        if model.conversation_id is not None:
            window.chat.history.export(model.conversation_id, "md")

    def rename() -> None:
        if model.conversation_id is not None:
            window.chat.history.rename(model.conversation_id)

    def delete() -> None:
        if model.conversation_id is not None:
            window.chat.history.delete(model.conversation_id)

    add = actions.add
    add(section, _tr("New conversation"), Standard.New, window.chat.new_conversation, persona)
    add(section, _tr("Show conversations"), "Ctrl+H", window.chat.history.toggle, persona)
    add(section, _tr("Next conversation"), "Ctrl+PgDown", lambda: step(1), persona)
    add(section, _tr("Previous conversation"), "Ctrl+PgUp", lambda: step(-1), persona)
    add(section, _tr("Find in the conversation"), Standard.Find, window.chat.find_words, here)
    add(section, _tr("Pin or unpin"), "Ctrl+Shift+P", pin, here)
    add(section, _tr("Archive, or take out of the archive"), "Ctrl+Shift+A", archive, here)
    add(section, _tr("Export as Markdown…"), "Ctrl+Shift+S", export, here)
    add(section, _tr("Rename conversation"), "Ctrl+R", rename, here)
    add(section, _tr("Delete conversation"), "Ctrl+Shift+D", delete, here)


def _about_answers(window: MainWindow, actions: Actions) -> None:
    model, section = window.model, _tr("Answer")

    def runs() -> bool:
        return model.running() is not None

    def last() -> str:
        return next((m.content for m in reversed(model.messages()) if m.sender_type == AI and m.content), "")

    def ended() -> bool:
        return bool(model.messages()) and not runs() and model.can_chat

    def unfinished() -> bool:
        number = model.conversation_id
        return number is not None and ended() and model.timeline.unfinished(number) is not None

    add = actions.add
    add(section, _tr("Stop the answer"), "Ctrl+.", model.stop, runs)
    add(section, _tr("Answer anew"), "Ctrl+Shift+R", model.regenerate, ended)
    add(section, _tr("Continue the answer"), "Ctrl+Shift+G", model.go_on, unfinished)
    add(
        section,
        _tr("Copy the last answer"),
        "Ctrl+Shift+C",
        lambda: QGuiApplication.clipboard().setText(last()),
        lambda: bool(last()),
    )
    add(section, _tr("To the newest message"), "Alt+End", window.chat.display.to_end, ended)


def _about_personas(window: MainWindow, actions: Actions) -> None:
    model, section = window.model, _tr("Personas")

    def known() -> bool:
        return model.timeline.personas_known

    def own() -> bool:
        return model.persona is not None and not model.persona.owner

    def step(by: int) -> None:
        ids = [persona.id for persona in model.personas()]
        if model.persona_id in ids:
            model.select_persona(ids[(ids.index(model.persona_id) + by) % len(ids)])

    add = actions.add
    add(section, _tr("New persona…"), "Ctrl+Shift+N", window.create_persona, known)
    add(section, _tr("Edit persona…"), "Ctrl+E", lambda: window.edit_persona(model.persona_id), own)
    add(section, _tr("Delete persona…"), "Ctrl+Shift+Del", lambda: window.delete_persona(model.persona_id), own)
    add(section, _tr("Next persona"), "Alt+Down", lambda: step(1), known)
    add(section, _tr("Previous persona"), "Alt+Up", lambda: step(-1), known)


def _about_places(window: MainWindow, actions: Actions) -> None:
    section = _tr("Go to")
    add = actions.add
    add(section, _tr("Personas"), "Ctrl+L", window.focus_personas)
    add(section, _tr("Messages"), "Ctrl+M", window.chat.display.setFocus)
    add(section, _tr("Message field"), "Ctrl+J", window.chat.input.composer.setFocus)
    add(section, _tr("Next part of the window"), "F6", window.next_place)


def _about_the_app(window: MainWindow, actions: Actions) -> None:
    section = _tr("App")

    def logged_in() -> bool:
        return bool(window.model.session.user)

    def full_screen() -> None:
        if window.isFullScreen():
            window.showNormal()
        else:
            window.showFullScreen()

    def other_look() -> None:
        window.menu.choose_look("light" if theme().scheme == "dark" else "dark")

    def other_language() -> None:
        codes = list(NAMES)
        window.menu.choose_language(codes[(codes.index(languages().current) + 1) % len(codes)])

    add = actions.add
    add(section, _tr("Command palette"), "Ctrl+K", window.palette_.open).setObjectName("palette")
    add(section, _tr("Keyboard shortcuts"), ["F1", "Ctrl+/"], window.show_shortcuts).setObjectName("shortcuts")
    add(section, _tr("Quick question"), "Ctrl+Alt+Space", window.quick_ask_requested.emit).setObjectName("quick-ask")
    add(section, _tr("Menu of the app"), "F10", window.show_menu)
    add(section, _tr("Switch between light and dark"), "Ctrl+Shift+L", other_look)
    add(section, _tr("Switch the language"), "Ctrl+Shift+U", other_language)
    add(section, _tr("Full screen"), "F11", full_screen)
    add(section, _tr("Close the window"), "Ctrl+W", window.close)
    add(section, _tr("Log out…"), "Ctrl+Shift+Q", window.log_out, logged_in)
    add(section, _tr("Quit"), "Ctrl+Q", window.quit).setObjectName("quit")


def entries(window: MainWindow, actions: Actions) -> list[Entry]:
    """What the palette offers: what can be done now, the choices of the menu, personas, conversations."""
    model = window.model
    pictures = dict(zip(actions.sections(), PICTURES, strict=True))
    result = [
        Entry(deed.words, "", deed.action.trigger, deed.keys, pictures[deed.section])
        for deed in actions.possible()
        if deed.action.objectName() != "palette"
    ]
    menu = window.menu
    for words, value in menu.look_choices().items():
        result.append(Entry(words, _tr("Appearance"), partial(menu.choose_look, value), picture="settings"))
    for words, value in menu.language_choices().items():
        result.append(Entry(words, _tr("Language"), partial(menu.choose_language, value), picture="settings"))
    for server in model.servers.entries:
        if server.id != model.servers.entry.id:
            show = partial(model.servers.show, server.id)
            result.append(Entry(title_of(server), _tr("Server"), show, picture="plug"))
    result.append(Entry(_tr("Add a server…"), "", partial(add_server, window, model.servers), picture="plug"))
    personas = model.timeline.personas
    for persona in model.personas():
        result.append(
            Entry(
                one_line(persona.name),
                _tr("Persona"),
                partial(model.select_persona, persona.id),
                persona=persona,
            )
        )
    known = sorted(model.timeline.conversations.values(), key=lambda one: one.touched, reverse=True)
    for conversation in known:
        who = personas.get(conversation.persona_id)
        result.append(
            Entry(
                one_line(conversation.title),
                one_line(who.name) if who else "",
                partial(model.open_conversation, conversation.id),
                picture="chats",
            )
        )
    return result
