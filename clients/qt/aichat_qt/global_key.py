"""Ctrl+Alt+Space from anywhere on the desktop, where the platform lets an app have a key: on X11.

Wayland and others give keys to the desktop alone: there one binds `aichat-qt --quick-ask` to a key in its settings.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import logging
from typing import Any

from PySide6.QtCore import QObject, QSocketNotifier, Signal
from PySide6.QtGui import QGuiApplication

log = logging.getLogger(__name__)

SPACE = 0x20
CONTROL, ALT, CAPS, NUM = 4, 8, 2, 16
KEY_PRESS = 2
ASYNC = 1


class GlobalKey(QObject):
    """Holds the key as long as it lives; a key that another program has is left to it."""

    pressed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._xcb: Any = None
        self._connection: Any = None
        self._notifier: QSocketNotifier | None = None
        self.held = QGuiApplication.platformName() == "xcb" and self._grab()

    def close(self) -> None:
        """Give the key back."""
        if self._notifier is not None:
            self._notifier.setEnabled(False)
            self._notifier = None
        if self._connection is not None:
            self._xcb.xcb_disconnect(self._connection)
            self._connection = None

    def _grab(self) -> bool:
        try:
            xcb = self._xcb = _declared(ctypes.CDLL("libxcb.so.1"))
            keys = ctypes.CDLL("libxcb-keysyms.so.1")
        except OSError:
            return False
        keys.xcb_key_symbols_alloc.restype = ctypes.c_void_p
        keys.xcb_key_symbols_alloc.argtypes = [ctypes.c_void_p]
        keys.xcb_key_symbols_get_keycode.restype = ctypes.POINTER(ctypes.c_uint8)
        keys.xcb_key_symbols_get_keycode.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
        keys.xcb_key_symbols_free.argtypes = [ctypes.c_void_p]
        connection = self._connection = xcb.xcb_connect(None, None)
        if xcb.xcb_connection_has_error(connection):
            self.close()
            return False
        root = xcb.xcb_setup_roots_iterator(xcb.xcb_get_setup(connection)).data[0]
        symbols = keys.xcb_key_symbols_alloc(connection)
        codes = keys.xcb_key_symbols_get_keycode(symbols, SPACE)
        code = codes[0] if codes else 0
        _free(ctypes.cast(codes, ctypes.c_void_p).value)
        keys.xcb_key_symbols_free(symbols)
        taken = False
        for locks in (0, CAPS, NUM, CAPS | NUM):
            asked = xcb.xcb_grab_key_checked(connection, 1, root, CONTROL | ALT | locks, code, ASYNC, ASYNC)
            error = xcb.xcb_request_check(connection, asked)
            taken |= bool(error)
            _free(error)
        if taken:
            log.info("Ctrl+Alt+Space belongs to another program")
            self.close()
            return False
        notifier = self._notifier = QSocketNotifier(
            xcb.xcb_get_file_descriptor(connection), QSocketNotifier.Type.Read, self
        )
        notifier.activated.connect(self._read)
        return True

    def _read(self) -> None:
        while self._connection is not None:
            event = self._xcb.xcb_poll_for_event(self._connection)
            if not event:
                if self._xcb.xcb_connection_has_error(self._connection):
                    self.close()
                return
            kind = ctypes.cast(event, ctypes.POINTER(ctypes.c_uint8))[0] & 0x7F
            _free(event)
            if kind == KEY_PRESS:
                self.pressed.emit()


class _Screens(ctypes.Structure):
    """xcb_screen_iterator_t; a screen begins with the id of its root window."""

    _fields_ = (("data", ctypes.POINTER(ctypes.c_uint32)), ("rem", ctypes.c_int), ("index", ctypes.c_int))


class _Cookie(ctypes.Structure):
    """xcb_void_cookie_t."""

    _fields_ = (("sequence", ctypes.c_uint),)


def _declared(xcb: ctypes.CDLL) -> ctypes.CDLL:
    pointer, byte, short, long = ctypes.c_void_p, ctypes.c_uint8, ctypes.c_uint16, ctypes.c_uint32
    for name, result, arguments in (
        ("xcb_connect", pointer, [ctypes.c_char_p, ctypes.POINTER(ctypes.c_int)]),
        ("xcb_disconnect", None, [pointer]),
        ("xcb_connection_has_error", ctypes.c_int, [pointer]),
        ("xcb_get_setup", pointer, [pointer]),
        ("xcb_setup_roots_iterator", _Screens, [pointer]),
        ("xcb_get_file_descriptor", ctypes.c_int, [pointer]),
        ("xcb_poll_for_event", pointer, [pointer]),
        ("xcb_grab_key_checked", _Cookie, [pointer, byte, long, short, byte, byte, byte]),
        ("xcb_request_check", pointer, [pointer, _Cookie]),
    ):
        function = getattr(xcb, name)
        function.restype, function.argtypes = result, arguments
    return xcb


def _free(pointer: int | None) -> None:
    libc = ctypes.CDLL(None)
    libc.free.argtypes = [ctypes.c_void_p]
    libc.free(pointer)
