"""Personas that come from somewhere: a copy of another one, a character card; and one that goes out as a card."""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QObject
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog, QWidget

from aichat.protocol import cards, frames
from aichat.protocol.errors import AichatError
from aichat.protocol.values import Persona, PersonaConfig
from aichat_qt.add_persona_dialog import AddPersonaDialog
from aichat_qt.avatar import avatar_pixmap, read_whole
from aichat_qt.failures import said
from aichat_qt.model import Model
from aichat_qt.persona_form import MOST
from aichat_qt.words import one_line

PICTURE = 512
"""Pixels of the picture that a persona without one gets on its card."""


class PersonaFiles(QObject):
    """Asks with dialogs on a window; what went well or wrong is noticed there."""

    def __init__(self, model: Model, window: QWidget) -> None:
        super().__init__(window)
        self._model, self._window = model, window
        self._waiting: dict[str, tuple[Persona, str]] = {}
        model.replied.connect(self._replied)

    def duplicate(self, persona_id: str) -> AddPersonaDialog | None:
        """A dialog with a copy that can be changed before it is made."""
        persona = self._model.timeline.personas.get(persona_id)
        if persona is None:
            return None
        config = PersonaConfig(
            name=self.tr("{0} (copy)").format(one_line(persona.name))[: MOST["name"]],
            prompt=persona.prompt,
            avatar=persona.avatar,
            model=persona.model,
            greeting=persona.greeting,
            starters=persona.starters,
            provider=persona.provider,
            fallback=persona.fallback,
            temperature=persona.temperature,
        )
        origin = "" if persona.owner else persona.id
        return AddPersonaDialog(self._model, self._window, start=config, origin=origin)

    def from_card(self, path: str = "") -> AddPersonaDialog | None:
        """A dialog with what a card says; None, and words, if the file is none."""
        if not path:
            pattern = self.tr("Character cards") + " (*.png *.json *.charx)"
            path, _filter = QFileDialog.getOpenFileName(self._window, self.tr("Import a character card"), "", pattern)
        if not path:
            return None
        try:
            card = cards.read_card(read_file(path))
        except AichatError as error:
            self._model.noticed.emit(said(error.message, error.code))
            return None
        except OSError as error:
            self._model.noticed.emit(self.tr("{0} could not be read: {1}").format(path, error.strerror))
            return None
        dialog = AddPersonaDialog(self._model, self._window)
        dialog.use_card(card)
        return dialog

    def to_card(self, persona_id: str, path: str = "") -> None:
        """A PNG that other programs read as this persona, with what it kept of the card that it came from."""
        persona = self._model.timeline.personas.get(persona_id)
        if persona is None:
            return
        if not path:
            name = re.sub(r'[<>:"/\\|?*\x00-\x1f]+', " ", one_line(persona.name)).strip(" .") or "persona"
            start = str(Path.home() / f"{name}.png")
            title, pattern = self.tr("Export as a character card"), self.tr("Character card (*.png)")
            path, _filter = QFileDialog.getSaveFileName(self._window, title, start, pattern)
        if not path:
            return
        asked = "" if persona.owner else self._model.ask(frames.PersonaCardQuery(persona_id=persona.id))
        if asked:
            self._waiting[asked] = (persona, path)
        else:
            self._write(persona, path, "")

    def _replied(self, frame: object) -> None:
        persona, path = self._waiting.pop(getattr(frame, "request_id", ""), (None, ""))
        if persona is not None:
            self._write(persona, path, frame.card if isinstance(frame, frames.PersonaCardReply) else "")

    def _write(self, persona: Persona, path: str, card: str) -> None:
        try:
            Path(path).write_bytes(cards.write_png(persona, picture_of(persona), card))
        except OSError as error:
            self._model.noticed.emit(self.tr("{0} could not be written: {1}").format(path, error.strerror))
        else:
            words = self.tr("{0} is a card now: {1}").format(one_line(persona.name), Path(path).name)
            self._model.noticed.emit(words)


def read_file(path: str) -> bytes:
    """A file as far as a card may be long. Errors: OSError."""
    with open(path, "rb") as file:
        return file.read(cards.FILE_MOST + 1)


def picture_of(persona: Persona) -> bytes:
    """A persona's picture as a PNG, the generated one where it has none."""
    try:
        image = read_whole(base64.b64decode(persona.avatar, validate=True)) if persona.avatar else None
    except (binascii.Error, ValueError):
        image = None
    shown = image or avatar_pixmap(persona.id, persona.name, "", PICTURE, 1.0).toImage()
    return _png(shown)


def _png(image: QImage) -> bytes:
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(data.data())
