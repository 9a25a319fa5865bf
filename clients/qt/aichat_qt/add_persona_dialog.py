"""The dialog that makes a persona, or changes one: its fields on the left, a test chat with it on the right."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import QDialog, QFileDialog, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from aichat.protocol import cards, frames
from aichat.protocol.errors import AichatError
from aichat.protocol.session import State
from aichat.protocol.values import Failure, Persona, PersonaChanges, PersonaConfig
from aichat_qt.dialogs import Question
from aichat_qt.failures import said
from aichat_qt.icons import button
from aichat_qt.labels import label
from aichat_qt.model import Model
from aichat_qt.persona_form import PersonaForm
from aichat_qt.theme import XL, L, S
from aichat_qt.trial import Trial
from aichat_qt.trial_widget import TrialWidget
from aichat_qt.words import one_line

WIDTH, HEIGHT = 920, 740
NARROW = 720
"""Pixels of width below which the test chat takes the place of the fields instead of standing beside them."""
TRIAL = 344


class AddPersonaDialog(QDialog):
    """Saves by itself and stays open, with the reason, when the server refuses."""

    def __init__(
        self,
        model: Model,
        parent: QWidget,
        persona: Persona | None = None,
        start: PersonaConfig | None = None,
        origin: str = "",
    ) -> None:
        """`start`: what a new persona begins with; `origin`: whose copy it is, which has that one's card too."""
        super().__init__(parent)
        self._model = model
        self._trying = False
        self._persona = persona
        self._request_id = ""
        self.saved_id = ""
        """The id of the persona that was saved, if the server answered."""
        self.title = label(self, "title")
        self.setModal(True)
        self.setAcceptDrops(True)
        self.resize(min(WIDTH, max(parent.width() - 2 * L, 560)), min(HEIGHT, max(parent.height() - 2 * L, 480)))
        self.form = form = PersonaForm(persona, self)
        self.name, self.prompt, self.greeting, self.starters = form.name, form.prompt, form.greeting, form.starters
        self.shared, self.wrong, self.validate = form.shared, form.wrong, form.validate
        self.use_file, self.use_picture = form.use_file, form.use_picture
        self.trial = TrialWidget(Trial(model, form.config, self), self)
        self.error = label(self, "danger")
        self.error.setWordWrap(True)
        self.swap = button("", "", self)
        self.swap.clicked.connect(lambda: self._show_trial(not self._trying))
        self.bring = button(self.tr("Import card…"), "quiet", self)
        self.bring.setToolTip(self.tr("A character card: PNG, JSON or .charx. It can be dropped here too."))
        self.bring.setVisible(persona is None)
        self.bring.clicked.connect(self._pick_card)
        self.cancel = button(self.tr("Cancel"), "", self)
        self.cancel.clicked.connect(self.reject)
        self.save = button("", "primary", self)
        self.save.setDefault(True)
        self.save.clicked.connect(self._save)
        self._lay_out()
        self._say_what_it_does()
        if start is not None:
            form.fill(start)
        self._first = {**form.fields(), "avatar": form.crop.touched}
        form.changed.connect(self._changed)
        self._changed()
        model.acknowledged.connect(self._acknowledged)
        model.refused.connect(self._refused)
        model.replied.connect(self._replied)
        self._asked = model.ask(frames.ModelListQuery())
        self.card = ""
        """What the persona keeps of the character card that was read here."""
        self._asked_card = model.ask(frames.PersonaCardQuery(persona_id=origin)) if origin else ""
        self.name.setFocus()

    def _say_what_it_does(self) -> None:
        """Make a persona, or change one."""
        title = self.tr("Edit persona") if self._persona else self.tr("New persona")
        self.setWindowTitle(title)
        self.title.setText(title)
        self.save.setText(self.tr("Save") if self._persona else self.tr("Create"))

    def _lay_out(self) -> None:
        self._scroll = scroll = QScrollArea(self)
        scroll.setWidget(self.form)
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the fields in it have it
        scroll.viewport().setAutoFillBackground(False)
        self.form.setAutoFillBackground(False)
        self._places = places = QHBoxLayout()
        places.setSpacing(L)
        places.addWidget(scroll, 1)
        places.addWidget(self.trial)
        buttons = QHBoxLayout()
        buttons.setSpacing(S)
        buttons.addWidget(self.bring)
        buttons.addWidget(self.swap)
        buttons.addWidget(self.error, 1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.save)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(XL, XL, XL, L)
        layout.setSpacing(L)
        layout.addWidget(self.title)
        layout.addLayout(places, 1)
        layout.addLayout(buttons)
        self._show_trial(False)

    @property
    def is_narrow(self) -> bool:
        return self.width() < NARROW

    def _show_trial(self, on: bool) -> None:
        """In a narrow dialog either the fields or the test chat are shown."""
        self._trying = on and self.is_narrow
        self.swap.setVisible(self.is_narrow)
        self.swap.setText(self.tr("Back to the fields") if self._trying else self.tr("Try it out"))
        self._scroll.setVisible(not self._trying)
        self.trial.setVisible(self._trying or not self.is_narrow)
        if self.is_narrow:
            self.trial.setMinimumWidth(0)
            self.trial.setMaximumWidth(16_777_215)
        else:
            self.trial.setFixedWidth(TRIAL)
        if self._trying:
            self.trial.field.setFocus()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_trial(self._trying)

    def _changed(self) -> None:
        self.trial.show_persona(self.form.config())

    def _replied(self, frame: object) -> None:
        if isinstance(frame, frames.ModelList) and frame.request_id == self._asked:
            self.form.model.offer(frame.models, may_choose=frame.may_choose)
        elif isinstance(frame, frames.PersonaCardReply) and frame.request_id == self._asked_card:
            self.card = self.card or frame.card

    # files dropped

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        for url in event.mimeData().urls()[:1]:
            self.take_file(url.toLocalFile())
            event.acceptProposedAction()

    def take_file(self, path: str) -> None:
        """A character card fills the fields; another picture becomes the persona's; else words."""
        try:
            with open(path, "rb") as file:
                data = file.read(cards.FILE_MOST + 1)
            self._offer_card(cards.read_card(data))
        except AichatError as error:
            if path.lower().endswith((".json", ".charx")):
                self.form.picture_error.setText(said(error.message, error.code))
            else:
                self.form.use_data(data)
        except OSError:
            self.form.use_data(b"")

    def _offer_card(self, card: cards.Card) -> None:
        """A card for a persona that is there already is a question: it would take the place of what that one is."""
        if self._persona is not None:
            name = one_line(self._persona.name)
            question = Question(
                self,
                self.tr("Make {0} what this card says?").format(name),
                self.tr(
                    "Its fields, its picture and its lorebook take the place of what {0} has, once you save."
                ).format(name),
                self.tr("Use it here"),
                other=self.tr("Make a new persona"),
            )
            answer = question.exec()
            if not answer:
                return
            if answer == Question.OTHER:
                self._persona = None
                self._say_what_it_does()
        self.use_card(card)

    def use_card(self, card: cards.Card) -> None:
        """Write a character card into the fields; what of it has no field is kept with the persona."""
        self.form.fill(card.config)
        if card.picture:
            self.form.use_data(card.picture)
        self.card = card.config.card
        lost = [field for field in card.cut if field != "avatar"]
        words = self.tr("The card did not fit whole; shortened: {0}.").format(", ".join(lost))
        self.error.setText(words if lost else "")

    def _pick_card(self) -> None:
        pattern = self.tr("Character cards") + " (*.png *.json *.charx)"
        path, _filter = QFileDialog.getOpenFileName(self, self.tr("Import a character card"), "", pattern)
        if path:
            self.take_file(path)

    # saving

    def is_changed(self) -> bool:
        """Whether anything was written that is not saved."""
        return {**self.form.fields(), "avatar": self.form.crop.touched} != self._first

    def reject(self) -> None:
        """Leave; what was written is not lost without a question."""
        if self.is_changed() and not self._request_id:
            words = self.tr("What you wrote here is not saved yet.")
            if not Question(self, self.tr("Leave without saving?"), words, self.tr("Leave"), danger=True).exec():
                return
        super().reject()

    def done(self, result: int) -> None:
        self.trial.trial.stop()
        super().done(result)

    def _save(self) -> None:
        if self._request_id:
            return
        if not self.validate():
            self._show_trial(False)
            QTimer.singleShot(0, self, lambda: self._scroll.ensureWidgetVisible(self.focusWidget() or self.name))
            return
        fields = {**self.form.fields(), "avatar": self.form.avatar()}
        if self._persona is None:
            self._request_id = self._model.create_persona(PersonaConfig(**fields, card=self.card))  # type: ignore[arg-type]
        else:
            changed = {key: value for key, value in fields.items() if value != getattr(self._persona, key)}
            if self.card:
                changed["card"] = self.card
            if not changed:
                super().reject()
                return
            changes = PersonaChanges(**changed)  # type: ignore[arg-type]
            self._request_id = self._model.update_persona(self._persona.id, changes)
        if self._model.state is not State.LIVE:
            self._model.noticed.emit(self.tr("Saved as soon as the connection is back."))
            self.accept()
            return
        self.error.clear()
        self.save.setEnabled(False)
        self.save.setText(self.tr("Saving…"))

    def _acknowledged(self, request_id: str, ack: frames.Ack) -> None:
        if request_id and request_id == self._request_id:
            self.saved_id = ack.persona_id
            self.accept()

    def _refused(self, request_id: str, failure: Failure) -> None:
        if request_id and request_id == self._request_id:
            self._request_id = ""
            self.error.setText(said(failure.message, failure.code))
            self.save.setEnabled(True)
            self._say_what_it_does()
