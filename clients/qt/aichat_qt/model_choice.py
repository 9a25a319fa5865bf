"""Which model a persona has, of those that the server offers, and how freely it chooses its words."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QSlider, QVBoxLayout, QWidget

from aichat.protocol.values import ModelName, Offer
from aichat_qt.icons import button, icon
from aichat_qt.labels import label
from aichat_qt.limits import limit_of
from aichat_qt.theme import META_PX, XS, S, theme
from aichat_qt.words import one_line

ARROW = 16
STEPS = 20
"""Of the slider; temperatures go from 0 to 2."""


class _Slider(QSlider):
    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()  # it stands in a form that scrolls


class _Combo(QComboBox):
    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        top = (self.height() - ARROW) // 2
        icon("down", theme().tokens.muted, ARROW).paint(painter, self.width() - ARROW - S, top, ARROW, ARROW)
        painter.end()


class ModelChoice(QWidget):
    """`provider` and `model` as a persona has them: "" and "" is what the server takes for all."""

    changed = Signal()

    def __init__(self, provider: str, model: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kept = (provider, model)
        self._combo = _Combo(self)
        self._combo.setAccessibleName(self.tr("Model"))
        self._combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._combo.setMinimumContentsLength(16)
        self.other = QLineEdit(self)
        self.other.setMaxLength(limit_of(ModelName))
        self.other.setPlaceholderText(self.tr("Name of the model, as its service calls it"))
        self.other.setAccessibleName(self.tr("Name of another model"))
        self.other.textChanged.connect(self.changed)
        self._closed = label(self, "muted", self.tr("Only an owner chooses the model on this server."))
        self._closed.setWordWrap(True)
        self._closed.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(XS)
        layout.addWidget(self._combo)
        layout.addWidget(self.other)
        layout.addWidget(self._closed)
        self._combo.currentIndexChanged.connect(self._chosen)
        self.offer([Offer(provider="", model="")], may_choose=True)

    def offer(self, offers: list[Offer], *, may_choose: bool) -> None:
        """What the server has; the first is its own choice."""
        provider, model = self.choice() if self._combo.count() else self._kept
        self._combo.blockSignals(True)
        self._combo.clear()
        for each in offers:
            words = one_line(each.model) or self.tr("the bridge's own")
            if each.provider:
                text = f"{words} · {one_line(each.provider)}"
            else:
                text = self.tr("The server's choice") + (f" · {words}" if each.model else "")
            self._combo.addItem(text, (each.provider, ""))
        if (provider, model) != ("", "") and self._row(provider, model) < 0:
            where = f" · {one_line(provider)}" if provider else ""
            self._combo.addItem((one_line(model) or self.tr("its own model")) + where, (provider, model))
        self._combo.addItem(self.tr("Another model…"), None)
        self._combo.setCurrentIndex(max(0, self._row(provider, model)))
        self._combo.blockSignals(False)
        self._combo.setEnabled(may_choose)
        self._closed.setVisible(not may_choose)
        self._chosen()

    def choice(self) -> tuple[str, str]:
        """(provider, model)"""
        data = self._combo.currentData()
        if data is None:
            return self._kept[0], one_line(self.other.text())
        return data[0], data[1]

    def choose(self, provider: str, model: str) -> None:
        """Choose what is offered, or else write the name of another model."""
        row = self._row(provider, model)
        self._combo.setCurrentIndex(row if row >= 0 else self._combo.count() - 1)
        if row < 0:
            self.other.setText(model)

    def shown(self) -> list[str]:
        """What can be chosen."""
        return [self._combo.itemText(i) for i in range(self._combo.count())]

    def _row(self, provider: str, model: str) -> int:
        rows = range(self._combo.count())
        return next((i for i in rows if self._combo.itemData(i) == (provider, model)), -1)

    def _chosen(self) -> None:
        self.other.setVisible(self._combo.currentData() is None)
        self.changed.emit()


class TemperatureChoice(QWidget):
    """A slider that says nothing until it is moved."""

    changed = Signal()

    def __init__(self, value: float | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value: float | None = None
        self._slider = _Slider(Qt.Orientation.Horizontal, self)
        self._slider.setRange(0, STEPS)
        self._slider.setPageStep(2)
        self._slider.setAccessibleName(self.tr("Temperature"))
        self._words = label(self, "muted", px=META_PX)
        self._reset = button(self.tr("Reset"), "link", self)
        self._reset.clicked.connect(lambda: self.set(None))
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(S)
        line.addWidget(self._slider, 1)
        line.addWidget(self._words)
        line.addWidget(self._reset)
        self.setMinimumHeight(32)
        self.set(value)
        self._slider.valueChanged.connect(lambda step: self.set(step * 2 / STEPS))

    @property
    def value(self) -> float | None:
        """0 to 2, or None: the model's own."""
        return self._value

    def set(self, value: float | None) -> None:
        changed = value != self._value
        self._value = value
        self._slider.blockSignals(True)
        self._slider.setValue(round((1.0 if value is None else value) * STEPS / 2))
        self._slider.blockSignals(False)
        self._words.setText(self.tr("the model's own") if value is None else self._said(value))
        self._reset.setVisible(value is not None)
        self._slider.setProperty("unset", value is None)
        self._slider.style().unpolish(self._slider)
        self._slider.style().polish(self._slider)
        if changed:
            self.changed.emit()

    def _said(self, value: float) -> str:
        manner = self.tr("sober") if value < 0.5 else self.tr("balanced") if value <= 1.1 else self.tr("daring")
        return f"{value:.1f} · {manner}"
