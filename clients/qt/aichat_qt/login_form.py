"""Who one is: a name and a password, or in their place a token."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QLabel, QLineEdit, QVBoxLayout, QWidget

from aichat_qt.check_box import CheckBox
from aichat_qt.icons import button, icon
from aichat_qt.labels import label
from aichat_qt.theme import XS, S, theme

WIDTH = 320


class LoginForm(QWidget):
    """Emits what was typed, and keeps it until it is told how that went."""

    login_given = Signal(str, str)
    token_given = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._by_token = self._waits = False
        self.name = self._field(self.tr("User name"), 100)
        self.password = self._field(self.tr("Password"), 200, secret=True)
        self.token = self._field(self.tr("Token"), 200, secret=True)
        self.stay = CheckBox(self.tr("Stay logged in on this computer"), self)
        self.stay.setChecked(True)
        self.error = label(self, "danger")
        self.error.setWordWrap(True)
        self.go = button("", "primary", self)
        self.other = button("", "link", self)
        self.go.clicked.connect(self._submit)
        self.other.clicked.connect(self._switch)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(XS)
        self._headings: dict[QLineEdit, QLabel] = {}
        for field in (self.name, self.password, self.token):
            self._headings[field] = label(self, "field", field.accessibleName())
            layout.addWidget(self._headings[field])
            layout.addWidget(field)
            field.setFixedHeight(34)
        layout.insertSpacing(2, S)
        layout.addSpacing(S)
        layout.addWidget(self.stay)
        layout.addWidget(self.error)
        layout.addSpacing(S)
        layout.addWidget(self.go)
        layout.addSpacing(S)
        layout.addWidget(self.other, 0, Qt.AlignmentFlag.AlignHCenter)
        self._draw()

    def sizeHint(self) -> QSize:
        return QSize(WIDTH, super().sizeHint().height())

    def wait(self) -> None:
        """What was typed is on its way."""
        self._waits = True
        self._draw()

    def answered(self, trouble: str) -> None:
        """It was refused, and why; the name stays. "" if it was not."""
        self._waits = False
        self.password.clear()
        self.token.clear()
        self.error.setText(trouble)
        self._draw()

    def forget(self) -> None:
        """Another user may come now."""
        self.name.clear()
        self.answered("")
        if self.password.hasFocus():
            self.name.setFocus()

    def focus_first(self) -> None:
        """Where typing goes on."""
        if not any(field.hasFocus() for field in (self.name, self.password, self.token)):
            first = self.token if self._by_token else self.password if self.name.text() else self.name
            first.setFocus()

    def _field(self, words: str, most: int, *, secret: bool = False) -> QLineEdit:
        field = QLineEdit(self)
        field.setAccessibleName(words)
        field.setMaxLength(most)
        if secret:
            field.setEchoMode(QLineEdit.EchoMode.Password)
            eye = field.addAction(icon("eye", theme().tokens.muted, 16), QLineEdit.ActionPosition.TrailingPosition)
            eye.setToolTip(self.tr("Show what is typed"))
            eye.setCheckable(True)
            eye.toggled.connect(lambda on: field.setEchoMode(_shown(on)))
            field.textChanged.connect(lambda text: eye.setChecked(eye.isChecked() and bool(text)))
        field.returnPressed.connect(self._submit)
        return field

    def _draw(self) -> None:
        for field, heading in self._headings.items():
            shown = (field is self.token) == self._by_token
            field.setVisible(shown)
            field.setEnabled(not self._waits)
            heading.setVisible(shown)
        self.error.setVisible(bool(self.error.text()))
        self.go.setEnabled(not self._waits)
        verb = self.tr("Connect") if self._by_token else self.tr("Log in")
        self.go.setText(self.tr("One moment…") if self._waits else verb)
        self.other.setText(self.tr("Use name and password") if self._by_token else self.tr("Use a token instead"))
        self.other.setVisible(not self._waits)
        self.stay.setEnabled(not self._waits)

    def _switch(self) -> None:
        self._by_token = not self._by_token
        self.answered("")
        self.focus_first()

    def _submit(self) -> None:
        if self._by_token:
            token = self.token.text().strip()
            if token and token.isascii():
                self.token_given.emit(token)
        elif not self.name.text().strip():
            self.name.setFocus()
        elif not self.password.text():
            self.password.setFocus()
        else:
            self.login_given.emit(self.name.text().strip(), self.password.text())


def _shown(on: bool) -> QLineEdit.EchoMode:
    return QLineEdit.EchoMode.Normal if on else QLineEdit.EchoMode.Password
