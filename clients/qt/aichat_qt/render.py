"""Markdown tokens -> a QTextDocument, with the look's own measures."""

from __future__ import annotations

import re
from functools import lru_cache

from markdown_it.token import Token
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextFormat,
    QTextFrameFormat,
    QTextList,
    QTextListFormat,
    QTextTable,
    QTextTableFormat,
)

from aichat_qt.theme import CODE_LINE_PX, CODE_PX, LINE_PX, SCHEMES, XS, L, S, Scheme, code_font, theme

QUOTE = int(QTextFormat.Property.UserProperty) + 1
"""Block property: 100 times the depth of the quotation plus its indent, drawn as bars by the view."""
BULLET = QUOTE + 2
"""Block property: the depth of a bullet, drawn by the view: Qt's own sticks to the text. Below 0 a task's box: twice
the depth, and one more if it is done."""
RULE = QUOTE + 1
"""Block property: a horizontal rule, drawn by the view."""

HEADINGS = {"h1": 20, "h2": 18, "h3": 16, "h4": 14, "h5": 14, "h6": 14}
SIDES = {"right": Qt.AlignmentFlag.AlignRight, "center": Qt.AlignmentFlag.AlignHCenter}
QUOTE_PX = L
_FIXED = QTextBlockFormat.LineHeightTypes.FixedHeight.value
_URL = re.compile(r"https?://[^\s<>\"'`，。；：、！？（）「」《》]+[^\s<>\"'`，。；：、！？（）「」《》.,;:!?)\]]")


def line_height(block: QTextBlockFormat, px: int) -> QTextBlockFormat:
    block.setLineHeight(px, _FIXED)
    return block


@lru_cache(maxsize=512)
def _char_format(
    scheme: Scheme, bold: bool, italic: bool, strike: bool, code: bool, quote: bool, href: str
) -> QTextCharFormat:
    t = SCHEMES[scheme]
    result = QTextCharFormat()
    result.setForeground(QColor(t.muted if quote else t.text))
    if code:
        result.setFontFamilies(code_font().families())
        result.setProperty(QTextFormat.Property.FontPixelSize, CODE_PX)
        result.setBackground(QColor(t.sunken))
    if bold:
        result.setFontWeight(QFont.Weight.DemiBold)
    if italic:
        result.setFontItalic(True)
    if strike:
        result.setFontStrikeOut(True)
    if href:
        result.setAnchor(True)
        result.setAnchorHref(href)
        result.setForeground(QColor(t.accent))
        result.setFontUnderline(True)
    return result


class Writer:
    """Writes tokens at a cursor. `fresh`: the cursor stands in an empty block that is to be used."""

    def __init__(self, cursor: QTextCursor, *, fresh: bool) -> None:
        self.cursor = cursor
        self.marks = False
        self._fresh = fresh
        self._at_top = fresh
        self._scheme = theme().scheme
        self._lists: list[QTextList | None] = []
        self._list_formats: list[QTextListFormat | None] = []
        self._item_begins = False
        self._quotes = 0
        self._quote_indent = 0
        self._task = ""
        self._bold = self._italic = self._strike = 0
        self._hrefs: list[str] = []

    def write(self, tokens: list[Token]) -> None:
        at = 0
        while at < len(tokens):
            at = self._write(tokens, at)

    def _write(self, tokens: list[Token], at: int) -> int:
        token = tokens[at]
        match token.type:
            case "paragraph_open":
                begins = tokens[at + 1].content[:4] if self._item_begins and at + 1 < len(tokens) else ""
                bullets = bool(self._list_formats) and self._list_formats[-1] is None
                self._task = begins.lower() if bullets and begins.lower() in ("[ ] ", "[x] ") else ""
                self._block(XS if self._lists and (token.hidden or self._item_begins) else S)
            case "heading_open":
                px = HEADINGS[token.tag]
                self._bold += 1
                self._block(L, round(px * 1.5), px)
            case "heading_close":
                self._bold -= 1
            case "inline":
                self._inline(token.children or [], self._heading_px(tokens, at))
            case "bullet_list_open" | "ordered_list_open":
                self._open_list(token)
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
                self._list_formats.pop()
            case "list_item_open":
                self._item_begins = True
            case "blockquote_open":
                self._quote_indent = self._quote_indent if self._quotes else len(self._lists)
                self._quotes += 1
            case "blockquote_close":
                self._quotes -= 1
            case "fence" | "code_block" | "formula" | "big_table":
                self._code_lines(token.content.rstrip("\n"))
            case "hr":
                self._rule()
            case "table_open":
                return self._table(tokens, at)
        return at + 1

    @staticmethod
    def _heading_px(tokens: list[Token], at: int) -> int:
        before = tokens[at - 1] if at else None
        return HEADINGS[before.tag] if before is not None and before.type == "heading_open" else 0

    # blocks

    def _block(self, above: int, line_px: int = LINE_PX, _px: int = 0) -> None:
        form = line_height(QTextBlockFormat(), line_px)
        form.setTopMargin(0 if self._at_top else above)
        form.setIndent(len(self._lists))
        if self._quotes:
            form.setLeftMargin(QUOTE_PX * self._quotes)
            form.setProperty(QUOTE, 100 * self._quotes + self._quote_indent)
            self.marks = True
        self._start(form)
        if self._item_begins and self._list_formats[-1] is None:
            self._item_begins = False
            depth = len(self._lists)
            form.setProperty(BULLET, -(2 * depth + (self._task == "[x] ")) if self._task else depth)
            self.cursor.setBlockFormat(form)
            self.marks = True
        elif self._item_begins:
            self._item_begins = False
            current = self._lists[-1]
            if current is None:
                self._lists[-1] = self.cursor.createList(self._list_formats[-1] or QTextListFormat())
            else:
                current.add(self.cursor.block())
            # createList indents by its own measure; the block's is the one that counts
            form = self.cursor.blockFormat()
            form.setIndent(0)
            self.cursor.mergeBlockFormat(form)

    def _start(self, form: QTextBlockFormat) -> None:
        base = _char_format(self._scheme, False, False, False, False, bool(self._quotes), "")
        if self._fresh:
            self.cursor.setBlockFormat(form)
            self.cursor.setBlockCharFormat(base)
        else:
            self.cursor.insertBlock(form, base)
        self._fresh = self._at_top = False

    def _open_list(self, token: Token) -> None:
        form: QTextListFormat | None = None
        if token.type == "ordered_list_open":
            form = QTextListFormat()
            form.setStyle(QTextListFormat.Style.ListDecimal)
            start = token.attrGet("start")
            form.setStart(int(start) if start is not None else 1)
            form.setIndent(len(self._lists) + 1)
        self._lists.append(None)
        self._list_formats.append(form)

    def _code_lines(self, text: str) -> None:
        t = theme().tokens
        form = _char_format(self._scheme, False, False, False, True, False, "")
        for i, line in enumerate(text.split("\n")):
            block = line_height(QTextBlockFormat(), CODE_LINE_PX)
            block.setTopMargin(0 if i else S)
            block.setIndent(len(self._lists))
            block.setBackground(QColor(t.sunken))
            self._start(block)
            self.cursor.insertText(line, form)
        self._item_begins = False

    def _rule(self) -> None:
        form = line_height(QTextBlockFormat(), L)
        form.setTopMargin(S)
        form.setProperty(RULE, True)
        self.marks = True
        self._start(form)

    def _table(self, tokens: list[Token], at: int) -> int:
        rows: list[list[Token]] = []
        sides: list[str] = []
        heads = 0
        while tokens[at].type != "table_close":
            token = tokens[at]
            if token.type == "tr_open":
                rows.append([])
            elif token.type in ("th_open", "td_open"):
                sides.append(str(token.attrGet("style") or "").removeprefix("text-align:"))
            elif token.type == "inline":
                rows[-1].append(token)
            elif token.type == "thead_close":
                heads = len(rows)
            at += 1
        columns = max(len(row) for row in rows)
        self._start(line_height(QTextBlockFormat(), 1))
        table = self.cursor.insertTable(len(rows), columns, self._table_format(heads))
        for r, row in enumerate(rows):
            for c, inline in enumerate(row):
                self._cell(table, r, c, inline, head=r < heads, side=sides[c])
        self.cursor.setPosition(table.lastPosition() + 1)
        self.cursor.setBlockFormat(line_height(QTextBlockFormat(), 1))
        return at + 1

    def _table_format(self, heads: int) -> QTextTableFormat:
        form = QTextTableFormat()
        form.setCellPadding(6)
        form.setCellSpacing(0)
        form.setBorder(1)
        form.setBorderCollapse(True)
        form.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
        form.setBorderBrush(QBrush(theme().colour("line")))
        form.setTopMargin(S)
        form.setBottomMargin(XS)
        form.setHeaderRowCount(heads)
        return form

    def _cell(self, table: QTextTable, row: int, column: int, inline: Token, *, head: bool, side: str) -> None:
        cell = table.cellAt(row, column)
        if head:
            form = cell.format()
            form.setBackground(theme().colour("sunken"))
            cell.setFormat(form)
        outer, self.cursor = self.cursor, cell.firstCursorPosition()
        block = line_height(QTextBlockFormat(), LINE_PX)
        block.setAlignment(SIDES.get(side, Qt.AlignmentFlag.AlignLeft))
        self.cursor.setBlockFormat(block)
        self._bold += head
        self._inline(inline.children or [])
        self._bold -= head
        self.cursor = outer

    # inline

    def _inline(self, children: list[Token], px: int = 0) -> None:
        for child in children:
            match child.type:
                case "text":
                    self._linked(child.content[4:] if self._task else child.content, px)
                    self._task = ""
                case "softbreak" | "hardbreak":
                    self._text("\u2028", px)
                case "code_inline" | "formula_inline":
                    self._text(child.content, px, code=True)
                case "strong_open":
                    self._bold += 1
                case "strong_close":
                    self._bold -= 1
                case "em_open":
                    self._italic += 1
                case "em_close":
                    self._italic -= 1
                case "s_open":
                    self._strike += 1
                case "s_close":
                    self._strike -= 1
                case "link_open":
                    self._hrefs.append(str(child.attrGet("href") or ""))
                case "link_close":
                    self._hrefs.pop()
                case "image":
                    self._picture(child, px)
                case _:
                    self._text(child.content, px)

    def _picture(self, token: Token, px: int) -> None:
        """A picture is never fetched: its words stand for it, as a link."""
        words = QCoreApplication.translate("render", "picture")
        self._hrefs.append(str(token.attrGet("src") or ""))
        self._text(f"[{words}: {token.content}]" if token.content else f"[{words}]", px)
        self._hrefs.pop()

    def _linked(self, text: str, px: int) -> None:
        if self._hrefs or "://" not in text:
            self._text(text, px)
            return
        position = 0
        for found in _URL.finditer(text):
            self._text(text[position : found.start()], px)
            self._hrefs.append(found[0])
            self._text(found[0], px)
            self._hrefs.pop()
            position = found.end()
        self._text(text[position:], px)

    def _text(self, text: str, px: int = 0, *, code: bool = False) -> None:
        if not text:
            return
        form = _char_format(
            self._scheme, self._bold > 0, self._italic > 0, self._strike > 0, code, self._quotes > 0,
            self._hrefs[-1] if self._hrefs else "",
        )  # fmt: skip
        if px:
            form = QTextCharFormat(form)
            form.setProperty(QTextFormat.Property.FontPixelSize, px)
        self.cursor.insertText(text, form)
