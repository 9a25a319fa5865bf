"""The stylesheet of the standard controls, written from the tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aichat_qt.theme import Tokens


def stylesheet(t: Tokens) -> str:
    """Buttons, fields, menus, scroll bars: what is drawn by Qt and not by a widget of ours."""
    return f"""
QWidget {{ color: {t.text}; }}
QMainWindow, QDialog, QMessageBox {{ background: {t.window}; }}
QToolTip {{ background: {t.text}; color: {t.surface}; border: none; padding: 4px 8px; }}

QLabel[role="title"] {{ font-size: 18px; font-weight: 600; }}
QLabel[role="name"] {{ font-weight: 600; }}
QLabel[role="muted"] {{ color: {t.muted}; font-size: 12px; }}
QLabel[role="lead"] {{ color: {t.muted}; }}
QLabel[role="danger"] {{ color: {t.danger}; font-size: 12px; }}
QLabel[role="key"] {{
    color: {t.muted}; font-size: 12px; background: {t.surface}; border: 1px solid {t.line}; border-radius: 4px;
    padding: 1px 6px;
}}
QLabel[role="warn"] {{ color: {t.warn}; font-size: 12px; }}
QLabel[role="print"] {{ background: {t.code}; border-radius: 6px; padding: 8px 12px; }}
QLabel[role="field"] {{ font-size: 12px; font-weight: 600; color: {t.muted}; }}

QPushButton {{
    background: {t.surface}; color: {t.text}; border: 1px solid {t.line}; border-radius: 6px;
    padding: 0 12px; min-height: 30px;
}}
QPushButton:hover {{ background: {t.sunken}; }}
QPushButton:pressed {{ background: {t.line}; }}
QPushButton:focus {{ border-color: {t.accent}; }}
QPushButton:disabled {{ color: {t.muted}; background: {t.window}; }}
QPushButton[role="primary"] {{
    background: {t.accent}; color: {t.on_accent}; border-color: {t.accent}; font-weight: 600;
}}
QPushButton[role="primary"]:focus {{ border-color: {t.text}; }}
QPushButton[role="primary"]:disabled {{ background: {t.sunken}; color: {t.muted}; border-color: {t.line}; }}
QPushButton[role="danger"] {{
    background: {t.danger}; color: {t.surface}; border-color: {t.danger}; font-weight: 600;
}}
QPushButton[role="danger"]:focus {{ border-color: {t.text}; }}
QPushButton[role="chip"] {{
    border-radius: 12px; padding: 0 16px; min-height: 42px; text-align: left; background: {t.surface};
}}
QPushButton[role="chip"]:hover {{ background: {t.sunken}; }}
QPushButton[role="filter"] {{
    border: 1px solid {t.line}; border-radius: 13px; padding: 0 12px; min-height: 24px; font-size: 12px;
    background: transparent; color: {t.muted};
}}
QPushButton[role="filter"]:hover {{ background: {t.sunken}; }}
QPushButton[role="filter"]:checked {{ background: {t.own}; border-color: {t.own}; color: {t.text}; }}
QPushButton[role="filter"][target="true"] {{ border-color: {t.accent}; background: {t.own}; }}
QPushButton[role="quiet"] {{
    border: 1px solid transparent; background: transparent; text-align: left; padding: 0 8px;
}}
QPushButton[role="quiet"]:hover {{ background: {t.sunken}; }}
QPushButton[role="quiet"]:focus {{ border-color: {t.accent}; }}
QPushButton[role="link"] {{
    border: 1px solid transparent; background: transparent; color: {t.accent}; padding: 0 4px; font-size: 12px;
    min-height: 24px; text-decoration: none;
}}
QPushButton[role="link"]:hover {{ text-decoration: underline; }}
QPushButton[role="link"]:focus {{ border-color: {t.accent}; }}
QPushButton[role="fold"] {{
    border: 1px solid transparent; background: transparent; color: {t.muted}; padding: 0 4px 0 0; font-size: 12px;
    min-height: 26px; text-align: left;
}}
QPushButton[role="fold"]:hover {{ color: {t.text}; }}
QPushButton[role="fold"]:focus {{ border-color: {t.accent}; }}
QPushButton[role="pill"] {{
    background: {t.surface}; border: 1px solid {t.line}; border-radius: 16px; padding: 0 8px; min-height: 30px;
    color: {t.accent}; font-weight: 600;
}}
QPushButton[role="pill"]:hover {{ background: {t.sunken}; }}

QToolButton {{ background: transparent; border: 1px solid transparent; border-radius: 6px; }}
QToolButton:hover {{ background: {t.sunken}; }}
QToolButton:pressed {{ background: {t.line}; }}
QToolButton:focus {{ border-color: {t.accent}; }}
QToolButton::menu-indicator {{ image: none; width: 0; }}
QToolButton[role="send"] {{ background: {t.accent}; border-radius: 16px; }}
QToolButton[role="send"]:disabled {{ background: {t.sunken}; }}
QToolButton[role="send"]:focus {{ border-color: {t.text}; }}
QToolButton[role="stop"] {{ border: 1px solid {t.line}; border-radius: 16px; }}
QToolButton[role="stop"]:focus {{ border-color: {t.accent}; }}

QLineEdit, QPlainTextEdit {{
    background: {t.surface}; border: 1px solid {t.line}; border-radius: 6px; padding: 5px 8px;
    selection-background-color: {t.accent}; selection-color: {t.on_accent};
}}
QLineEdit {{ min-height: 20px; }}
QLineEdit:focus, QPlainTextEdit:focus {{ border-color: {t.accent}; }}
QLineEdit[role="search"] {{ padding: 5px 4px; background: {t.sunken}; border-color: transparent; }}
QLineEdit[role="search"]:focus {{ border-color: {t.accent}; }}
QLineEdit[role="palette"], QLineEdit[role="palette"]:focus {{
    border: none; background: transparent; padding: 8px 12px; font-size: 16px;
}}
#palette {{ background: {t.surface}; border: 1px solid {t.line}; border-radius: 12px; }}
QListView {{ background: transparent; border: none; outline: none; }}
QPlainTextEdit[role="composer"], QPlainTextEdit[role="composer"]:focus {{
    border: none; background: transparent; padding: 0;
}}
QTextBrowser {{
    background: transparent; border: none; padding: 0;
    selection-background-color: {t.accent}; selection-color: {t.on_accent};
}}

QLabel[role="bubble"] {{ background: {t.own}; border-radius: 12px; padding: 8px 12px; }}

QComboBox {{
    background: {t.surface}; border: 1px solid {t.line}; border-radius: 6px; padding: 0 8px; min-height: 30px;
}}
QComboBox:hover {{ background: {t.sunken}; }}
QComboBox:focus, QComboBox:on {{ border-color: {t.accent}; }}
QComboBox:disabled {{ color: {t.muted}; background: {t.window}; }}
QComboBox::drop-down {{ border: none; width: 24px; }}
QComboBox QAbstractItemView {{
    background: {t.surface}; border: 1px solid {t.line}; outline: none; padding: 4px;
    selection-background-color: {t.sunken}; selection-color: {t.text};
}}

QSlider::groove:horizontal {{ height: 4px; border-radius: 2px; background: {t.line}; }}
QSlider::sub-page:horizontal {{ height: 4px; border-radius: 2px; background: {t.accent}; }}
QSlider[unset="true"]::sub-page:horizontal {{ background: {t.line}; }}
QSlider::handle:horizontal {{
    width: 12px; height: 12px; margin: -6px 0; border-radius: 8px; background: {t.surface};
    border: 2px solid {t.accent};
}}
QSlider[unset="true"]::handle:horizontal {{ border-color: {t.muted}; }}
QSlider::handle:horizontal:focus {{ background: {t.accent}; }}

QListWidget {{ background: transparent; border: none; outline: none; }}
QListWidget::item {{ border-radius: 6px; color: {t.text}; }}
QListWidget::item:hover, QListWidget::item:selected {{ background: transparent; }}

QMenu {{ background: {t.surface}; border: 1px solid {t.line}; padding: 4px; }}
QMenu::item {{ padding: 7px 24px 7px 12px; border-radius: 4px; }}
QMenu::item:selected {{ background: {t.sunken}; color: {t.text}; }}
QMenu::item:disabled {{ color: {t.muted}; }}
QMenu::separator {{ height: 1px; background: {t.line}; margin: 4px 8px; }}

QScrollArea {{ background: transparent; border: none; }}
QScrollBar:vertical {{ background: transparent; width: 12px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
QScrollBar::handle {{ background: {t.line}; border-radius: 3px; }}
QScrollBar::handle:vertical {{ min-height: 32px; margin: 2px 3px; }}
QScrollBar::handle:horizontal {{ min-width: 32px; margin: 2px 2px; }}
QScrollBar::handle:hover {{ background: {t.muted}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
"""
