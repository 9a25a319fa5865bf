"""What stands where nothing is yet: a persona's greeting with questions to begin with, or how to begin at all."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from aichat.protocol.cards import fill_in
from aichat.protocol.session import State
from aichat.protocol.values import Persona
from aichat_qt.avatar import AvatarWidget
from aichat_qt.icons import button
from aichat_qt.labels import label, tooltip
from aichat_qt.model import Model
from aichat_qt.theme import TITLE_PX, XL, L, M, S, sized
from aichat_qt.words import clean, one_line

WIDTH = 480
STARTERS = 3


def _words(parent: QWidget, role: str) -> QLabel:
    result = label(parent, role)
    result.setAlignment(Qt.AlignmentFlag.AlignCenter)
    result.setWordWrap(True)
    return result


class Centred(QScrollArea):
    """A column of fixed width in the middle of the room, which scrolls if the room is too small."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        room = QWidget()
        self.column = QWidget(room)
        self.column.setMaximumWidth(WIDTH)
        middle = QHBoxLayout()
        middle.addStretch(1)
        middle.addWidget(self.column, 1000)
        middle.addStretch(1)
        outer = QVBoxLayout(room)
        outer.setContentsMargins(XL, XL, XL, XL)
        outer.addStretch(2)
        outer.addLayout(middle)
        outer.addStretch(3)
        self.content = QVBoxLayout(self.column)
        self.content.setContentsMargins(0, 0, 0, 0)
        self.content.setSpacing(S)
        self.setWidget(room)
        room.setAutoFillBackground(False)
        self.viewport().setAutoFillBackground(False)


class PersonaWelcome(Centred):
    """An empty conversation: who one talks to, what it says first, and three questions."""

    asked = Signal(str)

    def __init__(self, model: Model, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._avatar = AvatarWidget(72, self.column)
        self._name = _words(self.column, "title")
        self._name.setFont(sized(self.font(), TITLE_PX, bold=True))
        self._greeting = _words(self.column, "lead")
        self._chips = [button("", "chip", self.column) for _ in range(STARTERS)]
        self.content.addWidget(self._avatar, 0, Qt.AlignmentFlag.AlignHCenter)
        self.content.addSpacing(S)
        self.content.addWidget(self._name)
        self.content.addWidget(self._greeting)
        self.content.addSpacing(L)
        for chip in self._chips:
            self.content.addWidget(chip)
            chip.clicked.connect(lambda _on=False, chip=chip: self.asked.emit(str(chip.property("question"))))
        model.selected.connect(self._refresh)
        model.personas_changed.connect(self._refresh)
        self._refresh()

    def _refresh(self) -> None:
        persona: Persona | None = self._model.persona
        if persona is None:
            return
        self._avatar.show_persona(persona)
        self._name.setText(one_line(persona.name))
        user = one_line(self._model.session.user)
        greeting, *starters = [fill_in(text, persona.name, user) for text in (persona.greeting, *persona.starters)]
        self._greeting.setText(clean(greeting) or self.tr("Say something to begin."))
        starters = [*starters[:STARTERS], *[""] * STARTERS][:STARTERS]
        for chip, starter in zip(self._chips, starters, strict=True):
            words = one_line(starter)
            chip.setProperty("question", starter)
            metrics = chip.fontMetrics()
            shown = metrics.elidedText(words, Qt.TextElideMode.ElideRight, WIDTH - 3 * M)
            chip.setText(shown.replace("&", "&&"))
            chip.setToolTip("" if shown == words else tooltip(words))
            chip.setAccessibleName(self.tr("Ask: {0}").format(words))
            chip.setVisible(bool(words))


class NoPersona(Centred):
    """A server without any persona."""

    create_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title, lead = _words(self.column, "title"), _words(self.column, "lead")
        title.setFont(sized(self.font(), TITLE_PX, bold=True))
        title.setText(self.tr("No personas yet"))
        lead.setText(self.tr("A persona is who you talk to: a name, and a few lines on who it is and how it speaks."))
        self.create_button = create = button(self.tr("Create the first persona"), "primary", self.column)
        create.clicked.connect(self.create_requested)
        self.content.addWidget(title)
        self.content.addWidget(lead)
        self.content.addSpacing(L)
        self.content.addWidget(create, 0, Qt.AlignmentFlag.AlignHCenter)


def is_first_contact(model: Model) -> bool:
    """Whether nothing can be shown yet, because the server was not reached or refused."""
    return model.state is State.REFUSED or not model.timeline.personas_known
