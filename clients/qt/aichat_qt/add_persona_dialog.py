"""The dialog that makes a persona, or changes one."""

from __future__ import annotations

from PySide6.QtCore import QFileInfo
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from aichat.protocol import frames, values
from aichat.protocol.session import State
from aichat.protocol.values import Failure, Persona, PersonaChanges, PersonaConfig
from aichat_qt.avatar import MOST_FILE_BYTES, AvatarWidget, encode_avatar, read_image
from aichat_qt.icons import button
from aichat_qt.labels import label
from aichat_qt.limits import limit_of
from aichat_qt.model import Model
from aichat_qt.theme import XL, XS, L, S
from aichat_qt.words import one_line

MOST = {
    "name": limit_of(values.Name),
    "prompt": limit_of(values.Prompt),
    "greeting": limit_of(values.Greeting),
    "starters": limit_of(values.Starters),
    "starter": limit_of(values.Starter),
}


class AddPersonaDialog(QDialog):
    """Saves by itself and stays open, with the reason, when the server refuses."""

    def __init__(self, model: Model, parent: QWidget, persona: Persona | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._persona = persona
        self._request_id = ""
        self.saved_id = ""
        """The id of the persona that was saved, if the server answered."""
        self._picture = persona.avatar if persona else ""
        title = self.tr("Edit persona") if persona else self.tr("New persona")
        self.setWindowTitle(title)
        self.setModal(True)
        self.resize(560, 640)
        self._avatar = AvatarWidget(72, self)
        self._pick = button(self.tr("Choose picture…"), "", self)
        self._pick.clicked.connect(self._pick_file)
        self._remove = button(self.tr("Remove"), "link", self)
        self._remove.clicked.connect(lambda: self.use_picture(""))
        self.name = QLineEdit(one_line(persona.name) if persona else "", self)
        self.name.setMaxLength(MOST["name"])
        self.name.setPlaceholderText(self.tr("How the persona is called"))
        self.prompt = QPlainTextEdit(persona.prompt if persona else "", self)
        self.prompt.setPlaceholderText(self.tr('Who it is, what it knows, how it speaks: "You are …"'))
        self.greeting = QPlainTextEdit(persona.greeting if persona else "", self)
        self.greeting.setPlaceholderText(self.tr("What it says before the first message"))
        self.starters = QPlainTextEdit("\n".join(persona.starters) if persona else "", self)
        self.starters.setPlaceholderText(self.tr("One question a line"))
        for field in (self.prompt, self.greeting, self.starters):
            field.setTabChangesFocus(True)
        self.shared = QCheckBox(self.tr("Share with all users"), self)
        self.shared.setChecked(persona is not None and persona.shared)
        self._words: dict[str, QLabel] = {}
        self.error = label(self, "danger")
        self.error.setWordWrap(True)
        self.cancel = button(self.tr("Cancel"), "", self)
        self.cancel.clicked.connect(self.reject)
        self.save = button(self.tr("Save") if persona else self.tr("Create"), "primary", self)
        self.save.setDefault(True)
        self.save.clicked.connect(self._save)
        self._lay_out(title)
        self.name.textChanged.connect(self._name_changed)
        self._name_changed()
        model.acknowledged.connect(self._acknowledged)
        model.refused.connect(self._refused)
        self.name.setFocus()

    def _lay_out(self, title: str) -> None:
        heading = label(self, "title", title)
        picture = QHBoxLayout()
        picture.setSpacing(L)
        picture.addWidget(self._avatar)
        beside = QVBoxLayout()
        beside.setSpacing(XS)
        beside.addStretch()
        line = QHBoxLayout()
        line.setSpacing(S)
        line.addWidget(self._pick)
        line.addWidget(self._remove)
        line.addStretch()
        beside.addLayout(line)
        hint = label(self, "muted", self.tr("PNG, JPEG, GIF or WebP; cut to a square"))
        beside.addWidget(hint)
        beside.addStretch()
        picture.addLayout(beside, 1)
        form = QGridLayout()
        form.setVerticalSpacing(XS)
        row = 0
        for key, words, field, height in (
            ("name", self.tr("Name"), self.name, 0),
            ("prompt", self.tr("Prompt"), self.prompt, 0),
            ("greeting", self.tr("Greeting (optional)"), self.greeting, 66),
            ("starters", self.tr("Questions to begin with (optional)"), self.starters, 88),
        ):
            heading_of, wrong = label(self, "field", words), label(self, "danger")
            heading_of.setBuddy(field)
            field.setAccessibleName(words)
            wrong.setWordWrap(True)
            wrong.hide()
            self._words[key] = wrong
            if height:
                field.setFixedHeight(height)
            form.addWidget(heading_of, row, 0)
            form.addWidget(field, row + 1, 0)
            form.addWidget(wrong, row + 2, 0)
            form.setRowMinimumHeight(row + 3, XS)
            row += 4
        form.setRowStretch(5, 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(S)
        buttons.addWidget(self.error, 1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.save)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(XL, XL, XL, L)
        layout.setSpacing(L)
        layout.addWidget(heading)
        layout.addLayout(picture)
        layout.addLayout(form, 1)
        layout.addLayout(self._lay_out_sharing())
        layout.addLayout(buttons)

    def _lay_out_sharing(self) -> QVBoxLayout:
        result = QVBoxLayout()
        result.setSpacing(XS)
        result.addWidget(self.shared)
        hint = label(self, "muted", self.tr("They chat with it in conversations of their own, and cannot change it."))
        hint.setContentsMargins(XL, 0, 0, 0)
        result.addWidget(hint)
        return result

    # the picture

    def _pick_file(self) -> None:
        pattern = self.tr("Pictures") + " (*.png *.jpg *.jpeg *.gif *.webp)"
        path, _filter = QFileDialog.getOpenFileName(self, self.tr("Choose a picture"), "", pattern)
        if path:
            self.use_file(path)

    def use_file(self, path: str) -> None:
        """Take a picture from a file, cut and scaled; words if it is none."""
        image = None
        if QFileInfo(path).size() <= MOST_FILE_BYTES:
            try:
                with open(path, "rb") as file:
                    image = read_image(file.read(MOST_FILE_BYTES + 1))
            except OSError:
                image = None
        if image is None:
            self.error.setText(self.tr("This file is no picture that can be used."))
            return
        self.error.clear()
        self.use_picture(encode_avatar(image))

    def use_picture(self, avatar: str) -> None:
        self._picture = avatar
        self._name_changed()

    def _name_changed(self) -> None:
        key = self._persona.id if self._persona else self.name.text()
        self._avatar.show_parts(key, self.name.text(), self._picture)
        self._remove.setVisible(bool(self._picture))
        self._say("name", "")

    # saving

    def _say(self, field: str, words: str) -> None:
        if field in self._words:
            self._words[field].setText(words)
            self._words[field].setVisible(bool(words))

    def wrong(self, field: str) -> str:
        """What is said to be wrong with a field."""
        return self._words[field].text()

    def validate(self) -> bool:
        """Put what is wrong beside the field it is about."""
        starters = self._starters()
        wrong = {
            "name": "" if one_line(self.name.text()) else self.tr("Give the persona a name."),
            "prompt": self._prompt_words(),
            "greeting": ""
            if len(self.greeting.toPlainText()) <= MOST["greeting"]
            else self.tr("At most {0} characters.").format(MOST["greeting"]),
            "starters": ""
            if len(starters) <= MOST["starters"] and all(len(s) <= MOST["starter"] for s in starters)
            else self.tr("At most {0} questions of {1} characters.").format(MOST["starters"], MOST["starter"]),
        }
        for field, words in wrong.items():
            self._say(field, words)
        first = next((field for field, words in wrong.items() if words), "")
        if first:
            getattr(self, first).setFocus()
        return not first

    def _prompt_words(self) -> str:
        prompt = self.prompt.toPlainText().strip()
        if not prompt:
            return self.tr("Say who the persona is; one sentence will do.")
        over = len(prompt) - MOST["prompt"]
        return self.tr("{0} characters too long.").format(over) if over > 0 else ""

    def _starters(self) -> list[str]:
        return [line.strip() for line in self.starters.toPlainText().splitlines() if line.strip()]

    def _save(self) -> None:
        if self._request_id or not self.validate():
            return
        fields = {
            "name": one_line(self.name.text()),
            "prompt": self.prompt.toPlainText().strip(),
            "avatar": self._picture,
            "greeting": self.greeting.toPlainText().strip(),
            "starters": self._starters(),
            "shared": self.shared.isChecked(),
        }
        if self._persona is None:
            self._request_id = self._model.create_persona(PersonaConfig(**fields))  # type: ignore[arg-type]
        else:
            changed = {key: value for key, value in fields.items() if value != getattr(self._persona, key)}
            if not changed:
                self.reject()
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
            self.error.setText(one_line(failure.message))
            self.save.setEnabled(True)
            self.save.setText(self.tr("Save") if self._persona else self.tr("Create"))
