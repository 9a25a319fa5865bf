"""The fields of a persona: picture, name, prompt, what it begins with, model, sharing."""

from __future__ import annotations

import base64
import binascii

from PySide6.QtCore import QFileInfo, Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from aichat.protocol import values
from aichat.protocol.values import Persona, PersonaConfig
from aichat_qt.avatar import MOST_FILE_BYTES, encode_avatar, read_whole
from aichat_qt.avatar_crop import MOST_ZOOM, AvatarCrop
from aichat_qt.check_box import CheckBox
from aichat_qt.icons import button
from aichat_qt.labels import label
from aichat_qt.limits import limit_of
from aichat_qt.model_choice import ModelChoice, TemperatureChoice
from aichat_qt.prompt_edit import FILLED_IN, PromptEdit, unknown_in
from aichat_qt.theme import XL, XS, L, M, S
from aichat_qt.words import one_line

MOST = {
    "name": limit_of(values.Name),
    "prompt": limit_of(values.Prompt),
    "greeting": limit_of(values.Greeting),
    "starters": limit_of(values.Starters),
    "starter": limit_of(values.Starter),
}
AVATAR = 112
ZOOM_STEPS = 100


class PersonaForm(QWidget):
    """Knows what is written in it and what is wrong with that; who saves it is not its business."""

    changed = Signal()
    """Something in it that the persona says or looks like."""

    def __init__(self, persona: Persona | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._key = persona.id if persona else ""
        self._avatar = persona.avatar if persona else ""
        self.crop = AvatarCrop(AVATAR, self)
        self.crop.setAccessibleName(self.tr("Picture: drag it or use the arrow keys; + and - zoom"))
        self._pick = button(self.tr("Choose picture…"), "", self)
        self._pick.clicked.connect(self._pick_file)
        self._remove = button(self.tr("Remove"), "link", self)
        self._remove.clicked.connect(lambda: self.use_picture(""))
        self._zoom = QSlider(Qt.Orientation.Horizontal, self)
        self._zoom.setRange(0, ZOOM_STEPS)
        self._zoom.setFixedWidth(160)
        self._zoom.setAccessibleName(self.tr("Zoom"))
        self._zoom.valueChanged.connect(lambda v: self.crop.set_zoom(1 + (MOST_ZOOM - 1) * v / ZOOM_STEPS))
        self._about = label(self, "muted")
        self._about.setWordWrap(True)
        self.picture_error = label(self, "danger")
        self.picture_error.setWordWrap(True)
        self.name = QLineEdit(one_line(persona.name) if persona else "", self)
        self.name.setMaxLength(MOST["name"])
        self.name.setPlaceholderText(self.tr("How the persona is called"))
        self.prompt = PromptEdit(persona.prompt if persona else "", self)
        self.prompt.setPlaceholderText(self.tr('Who it is, what it knows, how it speaks: "You are …"'))
        self.prompt.setMinimumHeight(150)
        self.greeting = QPlainTextEdit(persona.greeting if persona else "", self)
        self.greeting.setPlaceholderText(self.tr("What it says before the first message"))
        self.starters = QPlainTextEdit("\n".join(persona.starters) if persona else "", self)
        self.starters.setPlaceholderText(self.tr("One question a line"))
        for field, height in ((self.greeting, 66), (self.starters, 88)):
            field.setTabChangesFocus(True)
            field.setFixedHeight(height)
        self.model = ModelChoice(persona.provider if persona else "", persona.model if persona else "", self)
        self.temperature = TemperatureChoice(persona.temperature if persona else None, self)
        self.shared = CheckBox(self.tr("Share with all users"), self)
        self.shared.setChecked(persona is not None and persona.shared)
        self._wrong: dict[str, QLabel] = {}
        self._holes = label(self, "muted")
        self._holes.setWordWrap(True)
        self._lay_out()
        self.crop.take(_decoded(self._avatar), touched=False)
        self.crop.changed.connect(self._cropped)
        self.name.textChanged.connect(self._name_changed)
        for signal in (
            self.prompt.textChanged, self.greeting.textChanged, self.starters.textChanged, self.model.changed,
            self.temperature.changed, self.shared.toggled,
        ):  # fmt: skip
            signal.connect(self._written)
        self._cropped()
        self._name_changed()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, M, S)
        layout.setSpacing(XS)
        layout.addLayout(self._lay_out_head())
        layout.addSpacing(M)
        self._field(layout, "prompt", self.tr("Prompt"), self.prompt)
        layout.addLayout(self._lay_out_holes())
        layout.addSpacing(M)
        self._field(layout, "greeting", self.tr("Greeting (optional)"), self.greeting)
        layout.addSpacing(M)
        self._field(layout, "starters", self.tr("Questions to begin with (optional)"), self.starters)
        layout.addSpacing(M)
        pair = QHBoxLayout()
        pair.setSpacing(L)
        for words, field in ((self.tr("Model"), self.model), (self.tr("Temperature"), self.temperature)):
            column = QVBoxLayout()
            column.setSpacing(XS)
            column.addWidget(label(self, "field", words))
            column.addWidget(field)
            column.addStretch()
            pair.addLayout(column, 1)
        layout.addLayout(pair)
        layout.addSpacing(M)
        layout.addWidget(self.shared)
        hint = label(self, "muted", self.tr("They chat with it in conversations of their own, and cannot change it."))
        hint.setWordWrap(True)
        hint.setContentsMargins(XL, 0, 0, 0)
        layout.addWidget(hint)
        layout.addStretch()

    def _lay_out_head(self) -> QHBoxLayout:
        beside = QVBoxLayout()
        beside.setSpacing(XS)
        self._field(beside, "name", self.tr("Name"), self.name)
        beside.addSpacing(XS)
        line = QHBoxLayout()
        line.setSpacing(S)
        line.addWidget(self._pick)
        line.addWidget(self._zoom)
        line.addWidget(self._remove)
        line.addStretch()
        beside.addLayout(line)
        beside.addWidget(self._about)
        beside.addWidget(self.picture_error)
        beside.addStretch()
        head = QHBoxLayout()
        head.setSpacing(L)
        head.addWidget(self.crop, 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(beside, 1)
        return head

    def _lay_out_holes(self) -> QVBoxLayout:
        result = QVBoxLayout()
        result.setSpacing(XS)
        line = QHBoxLayout()
        line.setSpacing(XS)
        line.addWidget(label(self, "muted", self.tr("Insert:")))
        for hole, words in zip(FILLED_IN, (self.tr("the persona's name"), self.tr("who talks to it")), strict=True):
            chip = button(f"{hole}  {words}", "link", self)
            chip.clicked.connect(lambda _on=False, hole=hole: self.prompt.insert(hole))
            line.addWidget(chip)
        line.addStretch()
        result.addLayout(line)
        result.addWidget(self._holes)
        return result

    def _field(self, layout: QVBoxLayout, key: str, words: str, field: QWidget) -> None:
        heading, wrong = label(self, "field", words), label(self, "danger")
        heading.setBuddy(field)
        field.setAccessibleName(words)
        wrong.setWordWrap(True)
        wrong.hide()
        self._wrong[key] = wrong
        layout.addWidget(heading)
        layout.addWidget(field)
        layout.addWidget(wrong)

    # the picture

    def _pick_file(self) -> None:
        pattern = self.tr("Pictures") + " (*.png *.jpg *.jpeg *.gif *.webp)"
        path, _filter = QFileDialog.getOpenFileName(self, self.tr("Choose a picture"), "", pattern)
        if path:
            self.use_file(path)

    def use_file(self, path: str) -> None:
        """Take a picture from a file; words if it is none."""
        try:
            too_big = QFileInfo(path).size() > MOST_FILE_BYTES
            with open(path, "rb") as file:
                self.use_data(b"" if too_big else file.read())
        except OSError:
            self.use_data(b"")

    def use_data(self, data: bytes) -> None:
        """Take a picture from a file's bytes; words if it is none."""
        image = read_whole(data)
        self.picture_error.setText("" if image else self.tr("This file is no picture that can be used."))
        if image is not None:
            self.crop.take(image)

    def use_picture(self, avatar: str) -> None:
        """Take a picture as the protocol has it, or with "" none."""
        self.picture_error.clear()
        self.crop.take(_decoded(avatar))

    def _cropped(self) -> None:
        has = self.crop.image is not None
        self._remove.setVisible(has)
        self._zoom.setVisible(has)
        self._pick.setText(self.tr("Change…") if has else self.tr("Choose picture…"))
        self._about.setText(
            self.tr("Drag the picture; the wheel zooms. What is in the circle is what all see.")
            if has
            else self.tr("PNG, JPEG, GIF or WebP, or drop one here. Without one, this is its avatar.")
        )
        self._zoom.blockSignals(True)
        self._zoom.setValue(round((self.crop.zoom - 1) / (MOST_ZOOM - 1) * ZOOM_STEPS))
        self._zoom.blockSignals(False)
        self.changed.emit()

    def avatar(self) -> str:
        """The picture as the protocol carries it."""
        if not self.crop.touched:
            return self._avatar
        image = self.crop.cropped()
        return encode_avatar(image) if image is not None else ""

    # what is written

    def _name_changed(self) -> None:
        self.crop.show_name(self._key or self.name.text(), self.name.text())
        self._say("name", "")
        self.changed.emit()

    def _written(self) -> None:
        unknown = unknown_in(self.prompt.toPlainText())
        words = self.tr("Nobody fills in {0}: it stays as it stands.").format(", ".join(unknown[:3]))
        self._holes.setText(one_line(words) if unknown else "")
        self._holes.setVisible(bool(unknown))
        self.changed.emit()

    @property
    def holes_words(self) -> str:
        """What is said of holes in the prompt that nobody fills in."""
        return self._holes.text()

    def fields(self) -> dict[str, object]:
        """What a persona would have, by the names of its fields; the picture is in `avatar`."""
        provider, model = self.model.choice()
        return {
            "name": one_line(self.name.text()),
            "prompt": self.prompt.toPlainText().strip(),
            "greeting": self.greeting.toPlainText().strip(),
            "starters": self._starters(),
            "shared": self.shared.isChecked(),
            "provider": provider,
            "model": model,
            "temperature": self.temperature.value,
        }

    def config(self) -> PersonaConfig:
        """The persona as it is now, without its picture, for trying it out."""
        written = self.fields()
        return PersonaConfig(**{**written, "name": written["name"] or self.tr("Persona")})  # type: ignore[arg-type]

    def fill(self, config: PersonaConfig) -> None:
        """Write a persona into the fields, its picture too."""
        self.name.setText(one_line(config.name))
        self.prompt.setPlainText(config.prompt)
        self.greeting.setPlainText(config.greeting)
        self.starters.setPlainText("\n".join(map(one_line, config.starters)))
        self.temperature.set(config.temperature)
        if config.model or config.provider:
            self.model.choose(config.provider, config.model)
        self.use_picture(config.avatar)

    def _starters(self) -> list[str]:
        return [line.strip() for line in self.starters.toPlainText().splitlines() if line.strip()]

    # what is wrong

    def _say(self, field: str, words: str) -> None:
        if field in self._wrong:
            self._wrong[field].setText(words)
            self._wrong[field].setVisible(bool(words))

    def wrong(self, field: str) -> str:
        """What is said to be wrong with a field."""
        return self._wrong[field].text()

    def validate(self) -> bool:
        """Put what is wrong beside the field it is about."""
        starters = self._starters()
        too_many = len(starters) > MOST["starters"] or any(len(each) > MOST["starter"] for each in starters)
        questions = self.tr("At most {0} questions of {1} characters.").format(MOST["starters"], MOST["starter"])
        wrong = {
            "name": "" if one_line(self.name.text()) else self.tr("Give the persona a name."),
            "prompt": self._prompt_words(),
            "greeting": self.tr("At most {0} characters.").format(MOST["greeting"])
            if len(self.greeting.toPlainText()) > MOST["greeting"]
            else "",
            "starters": questions if too_many else "",
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


def _decoded(avatar: str) -> QImage | None:
    try:
        return read_whole(base64.b64decode(avatar, validate=True)) if avatar else None
    except (binascii.Error, ValueError):
        return None
