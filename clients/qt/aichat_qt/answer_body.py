"""The text of one answer: prose and code blocks below each other, kept up with as it grows."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from aichat_qt.code_view import CodeView
from aichat_qt.markdown import Code, Prose, Segment, has_definitions, is_plain, parse, settled
from aichat_qt.text_view import NONE_KEPT, TextView
from aichat_qt.theme import M, theme
from aichat_qt.words import clean

View = TextView | CodeView


class AnswerBody(QWidget):
    """Views for the segments of a text. Growth costs what the unsettled end costs, not the whole."""

    link_clicked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""
        self._stable = 0  # so much of the text is settled
        self._views: list[View] = []
        self._plain = False
        self._needle = ""
        self._whole = False  # the text was shown as one that has ended
        self._final = 0  # so many views are settled, the last of them perhaps still taking prose at its end
        theme().changed.connect(self._again)

    @property
    def views(self) -> list[View]:
        return self._views

    @property
    def text_views(self) -> list[TextView]:
        """Where words stand, code too."""
        return [view.lines if isinstance(view, CodeView) else view for view in self._views]

    def find_all(self, needle: str) -> None:
        """Mark where a text stands, in what comes later too."""
        self._needle = needle
        for view in self.text_views:
            view.find_all(needle)

    def show_text(self, text: str, *, live: bool) -> bool:
        """Show a text -> whether anything changed."""
        text = clean(text)
        if text == self._text and (live or self._stable == len(text)):
            return False
        continued = live and self._whole  # its end was taken for the end of a paragraph, say
        was_plain, self._plain = self._plain, is_plain(text)
        if self._plain:
            self._text, self._whole, self._stable, self._final = text, not live, len(text), 0
            self._put_all([Code(text, "")], 0, growing=live)
            return True
        if (
            was_plain
            or not text.startswith(self._text)
            or continued
            or (not live and self._stable and has_definitions(text))
        ):
            self._forget()
        self._text, self._whole = text, not live
        if cut := settled(text[self._stable :]) if live else len(text) - self._stable:
            self._write(text[self._stable : self._stable + cut], growing=False)
            self._stable += cut
            self._final = len(self._views)
            if self._views and isinstance(last := self._views[-1], TextView):
                last.keep()
        if live:
            self._write(text[self._stable :], growing=True)
        return True

    def fit(self, width: int) -> int:
        """Lay out in a width -> the height it takes."""
        y = 0
        for view in self._views:
            if y:
                y += M
            height = view.fit(width)
            view.setGeometry(0, y, width, height)
            y += height
        return y

    def set_caret(self, strength: float) -> None:
        for view in self._views[-2:]:
            view.set_caret(strength if view is self._views[-1] else 0.0)

    def _again(self) -> None:
        """Write everything anew, for the colours are other ones."""
        text, live = self._text, self._stable != len(self._text)
        self._forget()
        self.show_text(text, live=live)

    def _forget(self) -> None:
        self._text = ""
        self._stable = self._final = 0
        for view in self._views:
            if isinstance(view, TextView):
                view.kept = NONE_KEPT

    def _write(self, text: str, *, growing: bool) -> None:
        """Put a text's segments after the settled views."""
        segments = parse(text, growing=growing)
        at = self._final
        joins = bool(at) and isinstance(self._views[at - 1], TextView)
        if joins and not (segments and not isinstance(segments[0], Code)):
            self._views[at - 1].write([])  # type: ignore[union-attr]
        elif joins and isinstance(first := segments.pop(0), Prose):
            self._views[at - 1].write(first.tokens)  # type: ignore[union-attr]
        self._put_all(segments, at, growing=growing)

    def _put_all(self, segments: list[Segment], at: int, *, growing: bool) -> None:
        """Show segments by the views from `at` on, and no others behind."""
        for i, segment in enumerate(segments):
            self._put(at, segment, growing=growing and i == len(segments) - 1)
            at += 1
        for view in self._views[at:]:
            view.hide()
            view.deleteLater()
        del self._views[at:]

    def _put(self, at: int, segment: Segment, *, growing: bool) -> None:
        kind = CodeView if isinstance(segment, Code) else TextView
        if at < len(self._views) and not isinstance(self._views[at], kind):
            for view in self._views[at:]:
                view.hide()
                view.deleteLater()
            del self._views[at:]
        if at == len(self._views):
            fresh = kind(self)
            if isinstance(fresh, TextView):
                fresh.link_clicked.connect(self.link_clicked)
                fresh.setAccessibleName(self.tr("Answer"))
            self._views.append(fresh)
            self.text_views[-1].find_all(self._needle)
            fresh.show()
        view = self._views[at]
        if isinstance(view, CodeView) and isinstance(segment, Code):
            view.show_code(segment.text, segment.language, growing=growing)
        elif isinstance(view, TextView) and not isinstance(segment, Code):
            view.write(segment.tokens)
