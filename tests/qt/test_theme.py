"""The look as data keeps its promises."""

from __future__ import annotations

import pytest
from aichat_qt.add_persona_dialog import AddPersonaDialog
from aichat_qt.check_box import BOX, CheckBox
from aichat_qt.icons import PATHS, pixmap
from aichat_qt.main_window import MainWindow
from aichat_qt.quick_ask import QuickAsk
from aichat_qt.shortcuts_sheet import ShortcutsSheet
from aichat_qt.theme import AVATAR_GROUNDS, AVATAR_TEXT, SCHEMES, TEXT_PAIRS, Scheme, contrast, theme
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QImage
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot


def test_contrast_is_what_wcag_says() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_pair_can_be_read(scheme: Scheme) -> None:
    tokens = SCHEMES[scheme]
    bad = {
        pair: round(found, 2)
        for pair in TEXT_PAIRS
        if (found := contrast(getattr(tokens, pair[0]), getattr(tokens, pair[1]))) < 4.5
    }
    assert not bad


def test_initials_can_be_read_on_every_avatar_colour() -> None:
    assert min(contrast(AVATAR_TEXT, ground) for ground in AVATAR_GROUNDS) >= 4.5


@pytest.mark.parametrize("name", PATHS)
def test_every_icon_draws_something(dressed: QApplication, name: str) -> None:
    image = pixmap(name, "#000000", 24, 1.0).toImage().convertToFormat(QImage.Format.Format_ARGB32)
    assert any(image.pixelColor(x, y).alpha() > 100 for x in range(24) for y in range(24))


def test_the_window_changes_colours_while_it_runs(window: MainWindow) -> None:
    def ground() -> str:
        return window.chat.grab().toImage().pixelColor(5, 300).name().upper()

    assert ground() == SCHEMES["light"].surface
    theme().apply("dark")
    assert ground() == SCHEMES["dark"].surface


def test_a_choice_holds_against_the_system_and_system_follows_it(dressed: QApplication) -> None:
    hints = dressed.styleHints()
    theme().choose("system")
    hints.colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    assert theme().scheme == "dark" and dressed.palette().window().color().name().upper() == SCHEMES["dark"].window
    hints.colorSchemeChanged.emit(Qt.ColorScheme.Light)
    assert theme().scheme == "light"
    theme().choose("dark")
    hints.colorSchemeChanged.emit(Qt.ColorScheme.Light)
    assert theme().scheme == "dark"
    theme().choose("nonsense")
    assert theme().choice == "system"


def test_every_control_of_what_opens_has_a_name(window: MainWindow, qtbot: QtBot) -> None:
    """The same for the palette, the sheet, the small window, the dialog."""
    sheet, quick = ShortcutsSheet(window.deeds, window), QuickAsk(window.model)
    dialog = AddPersonaDialog(window.model, window)
    window.palette_.open()
    nameless = []
    for opened in (window.palette_, sheet, quick, dialog):
        if opened is not window.palette_:
            qtbot.addWidget(opened)
            opened.show()
        for widget in opened.findChildren(QWidget):
            seen = QAccessible.queryAccessibleInterface(widget)
            reached = widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisible()
            if reached and not (seen and seen.text(QAccessible.Text.Name)):
                nameless.append(widget)
    assert not nameless


def test_every_control_has_a_name_for_a_screen_reader(window: MainWindow) -> None:
    nameless = [
        w
        for w in window.findChildren(QWidget)
        if w.focusPolicy() & Qt.FocusPolicy.TabFocus and w.isVisible() and not w.accessibleName()
    ]
    assert not nameless


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_box_to_tick_is_seen(dressed: QApplication, qtbot: QtBot, scheme: str) -> None:
    """Its outline has the contrast that WCAG asks of controls, ticked or not."""
    theme().choose(scheme)
    for ticked in (False, True):
        box = CheckBox("Share")
        qtbot.addWidget(box)
        box.setChecked(ticked)
        box.resize(box.sizeHint())
        image = box.grab().toImage()
        ground = image.pixelColor(BOX + 3, 1).name()
        line = [image.pixelColor(x, image.height() // 2).name() for x in range(BOX)]
        assert max(contrast(colour, ground) for colour in line) >= 3


def test_labels_never_take_markup(window: MainWindow) -> None:
    """Names, titles and errors come from outside."""
    rich = [w for w in window.findChildren(QLabel) if w.textFormat() != Qt.TextFormat.PlainText]
    assert not rich
