"""The question about a certificate: what the server showed, what is wrong with it, and what to compare it with."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from aichat_qt.certificate import Doubt
from aichat_qt.icons import button, pixmap
from aichat_qt.labels import label
from aichat_qt.model import Model
from aichat_qt.theme import TITLE_PX, XL, L, M, S, code_font, sized, theme


class CertificateCard(QWidget):
    """`trusted` when the user is sure; `left` when they are not. Enter alone trusts nothing that changed."""

    trusted = Signal()
    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sign = label(self, "")
        self._title = label(self, "title")
        self._title.setFont(sized(self.font(), TITLE_PX, bold=True))
        self._lead, self._reasons, self._facts = label(self, "lead"), label(self, "danger"), label(self, "muted")
        self._headings = [label(self, "field") for _ in range(2)]
        self._prints = [label(self, "print") for _ in range(2)]
        for words in (self._title, self._lead, self._reasons, self._facts, *self._prints):
            words.setWordWrap(True)
        for each in self._prints:
            each.setFont(code_font())
            each.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.yes = button("", "primary", self)
        self.no = button(self.tr("Not now"), "", self)
        self.yes.clicked.connect(self.trusted)
        self.no.clicked.connect(self.left)
        head = QHBoxLayout()
        head.setSpacing(M)
        head.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(self._title, 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(S)
        buttons.addStretch()
        buttons.addWidget(self.no)
        buttons.addWidget(self.yes)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(S)
        layout.addLayout(head)
        layout.addWidget(self._lead)
        layout.addSpacing(S)
        for heading, each in zip(self._headings, self._prints, strict=True):
            layout.addWidget(heading)
            layout.addWidget(each)
        layout.addWidget(self._reasons)
        layout.addWidget(self._facts)
        layout.addSpacing(L)
        layout.addLayout(buttons)

    @property
    def words(self) -> str:
        """All that is said."""
        lines = (self._title, self._lead, *self._headings, *self._prints, self._reasons, self._facts)
        return "\n".join(one.text() for one in lines if not one.isHidden())

    def show_doubt(self, doubt: Doubt, address: str) -> None:
        changed = bool(doubt.trusted_before)
        colour = theme().tokens.danger if changed else theme().tokens.warn
        self._sign.setPixmap(pixmap("alert" if changed else "shield", colour, XL, self.devicePixelRatioF()))
        if changed:
            title = self.tr("The certificate of {0} has changed").format(address)
            lead = self.tr(
                "Nothing was sent. If whoever runs the server renewed it, this is expected: ask them, and compare the"
                " fingerprint. If nobody did, somebody may stand between you and the server: do not trust it."
            )
        else:
            title = self.tr("Is this your server?")
            lead = self.tr(
                "{0} shows a certificate that this computer cannot check, so nothing was sent yet. Compare its"
                " fingerprint with what the service writes when it starts; if they are alike, it is your server."
            ).format(address)
        self._title.setText(title)
        self._lead.setText(lead)
        self._headings[0].setText(self.tr("Trusted until now (SHA-256)"))
        self._prints[0].setText(_breakable(doubt.trusted_before))
        self._headings[1].setText(self.tr("Shown now (SHA-256)") if changed else self.tr("Fingerprint (SHA-256)"))
        self._prints[1].setText(_breakable(doubt.fingerprint))
        self._headings[0].setVisible(changed)
        self._prints[0].setVisible(changed)
        self._reasons.setText("\n".join(doubt.reasons))
        self._facts.setText(
            self.tr("Made for {0}, by {1}, good until {2}.").format(
                doubt.subject or "?", doubt.issuer or "?", doubt.ends
            )
        )
        self.yes.setText(self.tr("Trust the new certificate") if changed else self.tr("Trust this certificate"))
        self.yes.setAccessibleName(self.yes.text())
        self.yes.setProperty("role", "danger" if changed else "primary")
        self.yes.style().unpolish(self.yes)
        self.yes.style().polish(self.yes)


class CertificateDialog(QDialog):
    """The question over the chat: a server that is known shows a certificate that is not."""

    def __init__(self, model: Model, parent: QWidget, doubt: Doubt, address: str) -> None:
        super().__init__(parent)
        self._model = model
        self.doubt = doubt
        self.setWindowTitle(self.tr("Certificate"))
        self.setModal(True)
        self.setFixedWidth(520)
        self.card = CertificateCard(self)
        self.card.show_doubt(doubt, address)
        self.card.trusted.connect(self.accept)
        self.card.left.connect(self.reject)
        self.card.no.setDefault(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(XL, XL, XL, L)
        layout.addWidget(self.card)
        self.setFixedHeight(layout.totalHeightForWidth(self.width()))
        self.card.no.setFocus()
        self.accepted.connect(model.trust)
        model.link_changed.connect(self._check)

    def _check(self) -> None:
        """Another server is shown, or this one shows another certificate by now: the question is void."""
        if self._model.link.doubt != self.doubt:
            self.reject()


def _breakable(fingerprint: str) -> str:
    """Two lines of sixteen bytes each."""
    parts = fingerprint.split(":")
    return "\n".join(":".join(parts[i : i + 16]) for i in range(0, len(parts), 16))
