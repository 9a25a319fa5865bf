"""Renders the SVGs beside this file into the pictures the project ships. Run it after changing one of them.

    python docs/art/render.py

Writes the `avatar` of each persona in `aichat/personas/`, the application's icons in `clients/qt/aichat_qt/icons/`
and the page's icon. Run twice, it changes nothing. Needs PySide6 with QtSvg.
"""

from __future__ import annotations

import base64
import json
import os
import struct
import zlib
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

ART = Path(__file__).resolve().parent
ROOT = ART.parent.parent
PERSONAS = ROOT / "aichat" / "personas"
QT_ICONS = ROOT / "clients" / "qt" / "aichat_qt" / "icons"
PAGE_ICON = ROOT / "aichat" / "page" / "icon.png"

AVATAR_EDGE = 256
AVATAR_MOST_BYTES = 16 * 1024
ICON_EDGES = (16, 24, 32, 48, 64, 128, 256)
PAGE_ICON_EDGE = 64


def draw(svg: Path, edge: int) -> QImage:
    """The picture of an SVG file as a square of `edge` pixels."""
    renderer = QSvgRenderer(str(svg))
    if not renderer.isValid():
        raise SystemExit(f"{svg} is not an SVG that Qt can draw")
    image = QImage(edge, edge, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    renderer.render(painter, QRectF(0, 0, edge, edge))
    painter.end()
    return image.convertToFormat(QImage.Format.Format_RGBA8888)


def encode(image: QImage) -> bytes:
    """A small PNG of a flat drawing: its most frequent 256 colours as a palette, every pixel the nearest of them."""
    edge, raw = image.width(), bytes(image.constBits())
    pixels = [raw[i : i + 4] for i in range(0, len(raw), 4)]
    counts: dict[bytes, int] = {}
    for pixel in pixels:
        counts[pixel] = counts.get(pixel, 0) + 1
    palette = sorted(sorted(counts, key=lambda pixel: (-counts[pixel], pixel))[:256], key=lambda p: (p[3], p))
    known = {pixel: index for index, pixel in enumerate(palette)}

    def nearest(pixel: bytes) -> int:
        if pixel not in known:
            known[pixel] = min(
                range(len(palette)), key=lambda i: sum((a - b) ** 2 for a, b in zip(palette[i], pixel, strict=True))
            )
        return known[pixel]

    rows = b"".join(b"\0" + bytes(nearest(pixel) for pixel in pixels[y * edge : (y + 1) * edge]) for y in range(edge))
    header = struct.pack(">IIBBBBB", edge, edge, 8, 3, 0, 0, 0)  # 8 bits a pixel, with a palette
    chunks = [(b"IHDR", header), (b"PLTE", b"".join(pixel[:3] for pixel in palette))]
    if any(pixel[3] < 255 for pixel in palette):
        chunks.append((b"tRNS", bytes(pixel[3] for pixel in palette)))
    chunks += [(b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def write(path: Path, data: bytes) -> None:
    """Write a file and say so, unless it holds these bytes already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.read_bytes() == data:
        return
    path.write_bytes(data)
    print(f"{path.relative_to(ROOT)}: {len(data)} bytes")


def main() -> None:
    """Render everything."""
    _application = QGuiApplication([])
    for path in sorted(PERSONAS.glob("*.json")):
        png = encode(draw(ART / f"{path.stem}.svg", AVATAR_EDGE))
        if len(png) > AVATAR_MOST_BYTES:
            raise SystemExit(f"the avatar of {path.stem} has {len(png)} bytes, more than {AVATAR_MOST_BYTES}")
        persona = json.loads(path.read_text("utf-8"))
        persona["avatar"] = base64.b64encode(png).decode("ascii")
        write(path, (json.dumps(persona, ensure_ascii=False, indent=2) + "\n").encode())
    for edge in ICON_EDGES:
        write(QT_ICONS / f"aichat-{edge}.png", encode(draw(ART / "aichat.svg", edge)))
    write(QT_ICONS / "aichat.svg", (ART / "aichat.svg").read_bytes())
    write(PAGE_ICON, encode(draw(ART / "aichat.svg", PAGE_ICON_EDGE)))


if __name__ == "__main__":
    main()
