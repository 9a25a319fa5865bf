"""The conversations with a persona: a slim bar with the current title, which opens to the list."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QWidget

from aichat.protocol.values import Conversation, Message
from aichat_qt.conversation_export import Fetch, file_name, write
from aichat_qt.conversation_menu import ConversationMenu, put
from aichat_qt.history_panel import HistoryPanel
from aichat_qt.history_rows import is_unread
from aichat_qt.icons import IconButton, button, icon
from aichat_qt.model import Model
from aichat_qt.theme import HIT, L, S, theme
from aichat_qt.words import one_line

TITLE_LEAST = 48
"""Pixels of a title in the narrowest window."""


class ConversationHistoryWidget(QWidget):
    """The bar. Its panel is a child of the chat area, so that it can float over the messages."""

    undoable = Signal(str, object)
    """Words for what was done, and what undoes it."""
    found = Signal(str)
    """Words that were looked for stand in the conversation that is shown now."""

    def __init__(self, model: Model, area: QWidget) -> None:
        super().__init__(area)
        self._model = model
        self._area = area
        self._title = button("", "quiet", self)
        self._title.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the arrow stands behind the words
        self._title.clicked.connect(self.toggle)
        self._new = IconButton("compose", self.tr("New conversation (Ctrl+N)"), self)
        self._new.clicked.connect(lambda: self._choose(None))
        self.seek = IconButton("search", self.tr("Find in the conversation (Ctrl+F)"), self)
        self._more = IconButton("more", self.tr("More about this conversation"), self)
        self._more.clicked.connect(self._show_menu)
        self.panel = HistoryPanel(model, area)
        self.panel.spared = self._title
        self.panel.chosen.connect(self._choose)
        self.panel.found.connect(self._found)
        self.panel.renamed.connect(model.rename_conversation)
        self.panel.moved.connect(lambda number, where: put(model, number, where))
        self.panel.menu_requested.connect(self._menu_of)
        self.panel.delete_requested.connect(self.delete)
        self.panel.closed.connect(self.close_panel)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addStretch()
        layout.addWidget(self._title)
        layout.addWidget(self._new)
        layout.addWidget(self.seek)
        layout.addWidget(self._more)
        self.menu = QMenu(self)
        self._wanted = 0  # was deleted and is on its way back
        model.selected.connect(self._refresh)
        model.conversations_changed.connect(self._refresh)
        model.messages_changed.connect(self._refresh)
        theme().changed.connect(self._refresh)
        self._refresh()

    def toggle(self) -> None:
        if self.panel.isVisible():
            self.close_panel()
        else:
            corner = self.mapTo(self._area, QPoint(self._title.geometry().right(), self.height()))
            self.panel.open_at(corner.x(), corner.y() + S)
            self._refresh()

    def close_panel(self) -> None:
        if self.panel.isVisible():
            self.panel.hide()
            self._title.setFocus()
            self._refresh()

    def rename(self, conversation_id: int) -> None:
        """Where it stands in the list, which opens for it."""
        if not self.panel.isVisible():
            self.toggle()
        self.panel.edit(conversation_id)

    def delete(self, conversation_id: int) -> None:
        """At once; a bar offers the way back."""
        conversation = self._model.timeline.conversations.get(conversation_id)
        if conversation is not None:
            self._model.delete_conversation(conversation_id)
            words = self.tr('"{0}" was deleted').format(one_line(conversation.title))
            self.undoable.emit(words, lambda: self._bring_back(conversation_id))

    def export(self, conversation_id: int, kind: str, path: str = "") -> None:
        """Into a file of the user's choice; `kind` is md or json."""
        conversation = self._model.timeline.conversations.get(conversation_id)
        if conversation is None:
            return
        if not path:
            pattern = self.tr("Markdown (*.md)") if kind == "md" else self.tr("JSON (*.json)")
            name = str(Path.home() / file_name(conversation, kind))
            path, _filter = QFileDialog.getSaveFileName(self, self.tr("Export the conversation"), name, pattern)
        if path:
            model = self._model
            Fetch(model, conversation_id, lambda m: self._write(conversation, kind, path, m), model.noticed.emit)

    def _write(self, conversation: Conversation, kind: str, path: str, messages: list[Message]) -> None:
        persona = self._model.timeline.personas.get(conversation.persona_id)
        try:
            write(Path(path), kind, conversation, persona.name if persona else "", self._model.session.user, messages)
        except OSError as error:
            words = self.tr("{0} could not be written: {1}").format(path, error.strerror)
        else:
            words = self.tr("{0} messages are in {1} now.").format(len(messages), Path(path).name)
        self._model.noticed.emit(words)

    def _bring_back(self, conversation_id: int) -> None:
        self._model.restore_conversation(conversation_id)
        self._wanted = conversation_id

    def _found(self, conversation_id: int, message_id: int, words: str) -> None:
        self.panel.hide()
        self._model.open_conversation(conversation_id)
        self._refresh()
        if message_id:
            self.found.emit(words.split(maxsplit=1)[0])

    def _choose(self, conversation_id: int | None) -> None:
        self.panel.hide()
        self._model.select_conversation(conversation_id)
        self._refresh()

    def _refresh(self) -> None:
        if self._wanted and self._wanted in self._model.timeline.conversations:
            wanted, self._wanted = self._wanted, 0
            self._model.open_conversation(wanted)
        conversation: Conversation | None = self._model.conversation
        count = len(self._model.conversations())
        words = one_line(conversation.title) if conversation else self.tr("New conversation")
        most = max(TITLE_LEAST, min(320, self.width() - 3 * HIT - L * 2 - S))
        font = self._title.font()
        self._title.setText(QFontMetrics(font).elidedText(words, Qt.TextElideMode.ElideRight, most))
        self._title.setAccessibleName(self.tr("Conversation: {0}. {1} in all").format(words, count))
        self._title.setToolTip(self.tr("Conversations"))
        others = any(is_unread(self._model, c) and c is not conversation for c in self._model.conversations())
        self._title.setIcon(icon("down", theme().tokens.accent if others else theme().tokens.muted, 16))
        self._title.setVisible(self._model.persona is not None)
        self._new.setEnabled(self._model.conversation_id is not None)
        self._new.setVisible(self._model.persona is not None)
        self._more.setVisible(self._model.persona is not None)
        self.panel.refresh()

    def menu_for(self, conversation_id: int) -> ConversationMenu:
        """What can be done with a conversation."""
        return self._verbs(self._model.timeline.conversations[conversation_id])

    def _verbs(self, conversation: Conversation) -> ConversationMenu:
        return ConversationMenu(
            self._model, conversation, self, rename=self.rename, delete=self.delete, export=self.export
        )

    def _menu_of(self, conversation_id: int, place: QPoint) -> None:
        conversation = self._model.timeline.conversations.get(conversation_id)
        if conversation is not None:
            menu = self._verbs(conversation)
            menu.exec(place)
            menu.deleteLater()

    def _show_menu(self) -> None:
        menu, conversation = self.menu, self._model.conversation
        verbs = self._verbs(conversation) if conversation is not None else None
        added = [*verbs.actions(), menu.addSeparator()] if verbs is not None else []
        first = next((action for action in menu.actions() if action not in added), None)
        for action in added:
            menu.insertAction(first, action)  # type: ignore[arg-type]
        menu.exec(self._more.mapToGlobal(QPoint(self._more.width() - menu.sizeHint().width(), self._more.height())))
        for action in added:
            menu.removeAction(action)
        if verbs is not None:
            verbs.deleteLater()

    def minimumSizeHint(self) -> QSize:
        """The title shown now is no reason to stay as wide: in a narrow window it gives way to the persona's name."""
        return QSize(3 * HIT + TITLE_LEAST + L, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._refresh()
