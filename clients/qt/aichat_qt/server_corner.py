"""The connection corner: which server is shown and how it stands; its menu changes the server and the user."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QCoreApplication, QPoint, QRect, QSize, Qt, QUrl, Signal
from PySide6.QtGui import QFont, QFontMetrics, QIcon, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QAbstractButton, QMenu, QWidget

from aichat.protocol.session import State
from aichat_qt.book import Entry
from aichat_qt.icons import pixmap
from aichat_qt.labels import tooltip
from aichat_qt.model import Model
from aichat_qt.server import Server
from aichat_qt.server_dialogs import add_server, remove_server, rename_server, title_of
from aichat_qt.theme import META_PX, RADIUS_CONTROL, XS, L, M, S, sized, theme
from aichat_qt.unsent_dialog import UnsentDialog
from aichat_qt.words import one_line

HEIGHT = 44
DOT = 8


def _tr(text: str) -> str:
    return QCoreApplication.translate("server_corner", text)


class ServerCorner(QAbstractButton):
    """A dot, the server's name, one line on how it stands; a click opens the menu."""

    log_out_requested = Signal()

    def __init__(self, model: Model, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.state_words = ""
        """How the connection stands."""
        self.setFixedHeight(HEIGHT)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.clicked.connect(self.open_menu)
        model.link_changed.connect(self.refresh)
        model.servers.changed.connect(self.refresh)
        model.messages_changed.connect(self.refresh)
        theme().changed.connect(self.update)
        self.refresh()

    def sizeHint(self) -> QSize:
        return QSize(200, HEIGHT)

    def refresh(self) -> None:
        model = self._model
        state = state_of(model.server)
        user = one_line(model.shown_user)
        if model.state is State.LIVE and user:
            state = self.tr("connected as {0}").format(user)
        unsent = model.unsent()
        if unsent and model.state is State.OFFLINE and model.link.doubt is None:
            state = self.tr("offline, {0} to send").format(unsent)
        self.state_words = state
        title = title_of(model.servers.entry)
        self.setText(title)
        self.setAccessibleName(self.tr("Server {0}: {1}").format(title, self.state_words))
        self.setToolTip(tooltip(one_line(QUrl(model.link.address.url).authority())))
        self.update()

    def open_menu(self) -> None:
        """The servers, who one is, and what waits to be sent."""
        menu = self.make_menu()
        menu.exec(self.mapToGlobal(QPoint(S, -menu.sizeHint().height())))
        menu.deleteLater()

    def make_menu(self) -> QMenu:
        model, servers = self._model, self._model.servers
        menu = QMenu(self)
        if len(servers.entries) > 1:
            for entry in servers.entries:
                self._add_server(menu, entry)
            menu.addSeparator()
        menu.addAction(self.tr("Add a server…"), partial(add_server, self.window(), servers))
        menu.addAction(self.tr("Rename this server…"), partial(rename_server, self.window(), servers))
        remove = menu.addAction(self.tr("Remove this server…"), partial(remove_server, self.window(), model))
        remove.setEnabled(len(servers.entries) > 1)
        menu.addSeparator()
        if model.unsent():
            words = self.tr("Not sent yet ({0})…").format(model.unsent())
            menu.addAction(words, self.show_unsent)
        if model.link.seconds_left:
            menu.addAction(self.tr("Try to connect now"), model.connect_now)
        user = one_line(model.session.user)
        if user and model.state is not State.REFUSED:
            menu.addAction(user).setEnabled(False)
            other = self.tr("Log out…") if model.shown_user else self.tr("Log in as another user…")
            menu.addAction(other, self.log_out_requested.emit)
        return menu

    def show_unsent(self) -> None:
        """What the server has not taken yet, with the way out for each."""
        dialog = UnsentDialog(self._model, self.window())
        dialog.exec()
        dialog.deleteLater()

    def _add_server(self, menu: QMenu, entry: Entry) -> None:
        servers = self._model.servers
        server = servers.opened(entry.id)
        title = title_of(entry).replace("&", "&&")
        shown = entry.id == servers.entry.id
        words = title if server is None else f"{title} — {state_of(server)}"
        action = menu.addAction(words, partial(servers.show, entry.id))
        action.setCheckable(True)
        action.setChecked(shown)
        action.setIcon(_dot(colour_of(server), self.devicePixelRatioF()))
        if shown:
            font = action.font()
            font.setBold(True)
            action.setFont(font)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if self.underMouse() or self.isDown():
            painter.setBrush(theme().colour("sunken"))
            painter.drawRoundedRect(self.rect(), RADIUS_CONTROL, RADIUS_CONTROL)
        if self.hasFocus():
            painter.setPen(theme().colour("accent"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(self.rect().adjusted(0, 0, -1, -1), RADIUS_CONTROL, RADIUS_CONTROL)
            painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme().colour(colour_of(self._model.server)))
        first = QRect(S + DOT + M, XS, self.width() - S - DOT - M - L - S, HEIGHT // 2 - XS)
        painter.drawEllipse(QPoint(S + DOT // 2 + XS // 2, first.center().y() + 1), DOT // 2, DOT // 2)
        self._write(painter, first, self.text(), "text", sized(self.font(), 13, bold=True))
        second = first.translated(0, HEIGHT // 2 - XS)
        self._write(painter, second, self.state_words, "muted", sized(self.font(), META_PX))
        arrow = pixmap("up", theme().tokens.muted, L, self.devicePixelRatioF())
        painter.drawPixmap(self.width() - L - S, (HEIGHT - L) // 2, arrow)
        painter.end()

    def _write(self, painter: QPainter, box: QRect, words: str, colour: str, font: QFont) -> None:
        painter.setFont(font)
        painter.setPen(theme().colour(colour))
        shown = QFontMetrics(painter.font()).elidedText(words, Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)


def state_of(server: Server) -> str:
    """How a server stands, in a word or two."""
    link, state = server.link, server.session.state
    if state is State.LIVE:
        return _tr("connected")
    if link.doubt is not None:
        return _tr("certificate not trusted")
    if state is State.REFUSED:
        return _tr("not logged in")
    if link.seconds_left:
        return _tr("offline, again in {0} s").format(link.seconds_left)
    return _tr("connecting…") if link.connecting else _tr("not connected")


def colour_of(server: Server | None) -> str:
    """The token of a server's dot."""
    if server is None:
        return "muted"
    if server.session.state is State.LIVE:
        return "ok"
    refused = server.session.state is State.REFUSED or server.link.doubt is not None
    return "danger" if refused else "warn"


def _dot(name: str, ratio: float) -> QIcon:
    picture = QPixmap(round(L * ratio), round(L * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme().colour(name))
    painter.drawEllipse(QPoint(L // 2, L // 2), DOT // 2, DOT // 2)
    painter.end()
    return QIcon(picture)
