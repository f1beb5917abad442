"""A valid PNG that looks like a QR code; nobody can pair with it."""

import base64
import random
import struct
import zlib

_MODULES = 25
_SCALE = 6
_QUIET = 3
_FINDER = 7


def _is_finder(x: int, y: int) -> bool | None:
    """Dark or light inside one of the three corner marks, None outside them."""
    far = _MODULES - _FINDER
    for left, top in ((0, 0), (far, 0), (0, far)):
        column, row = x - left, y - top
        if 0 <= column < _FINDER and 0 <= row < _FINDER:
            ring = min(column, row, _FINDER - 1 - column, _FINDER - 1 - row)
            return ring != 1
    return None


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def picture_of(code: str) -> str:
    """A `data:image/png;base64,` URI drawn from the code."""
    dice = random.Random(code)  # noqa: S311 - a drawing, not a secret
    side = (_MODULES + 2 * _QUIET) * _SCALE
    light = b"\xff" * side
    rows = [light] * (_QUIET * _SCALE)
    for y in range(_MODULES):
        line = b"\xff" * (_QUIET * _SCALE)
        for x in range(_MODULES):
            mark = _is_finder(x, y)
            dark = dice.random() < 0.5 if mark is None else mark
            line += (b"\x00" if dark else b"\xff") * _SCALE
        rows += [line + b"\xff" * (_QUIET * _SCALE)] * _SCALE
    rows += [light] * (_QUIET * _SCALE)
    png = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    png += _chunk(b"IDAT", zlib.compress(b"".join(b"\x00" + row for row in rows)))
    png += _chunk(b"IEND", b"")
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
