"""The bodies that `fuzz.py` sends: makers of harm, each fed by dice, and real photos to spoil."""

from __future__ import annotations

import base64
import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import PIL.Image

from mien.chains.samples import photographs
from mien.core.images import find_images

Body = tuple[str, str, bytes]
"""Address, content type, bytes."""
Maker = Callable[[random.Random, "Photos"], Body]
PREDICT, BATCH = "/v1/predict", "/v1/batch"
FORMATS = ("JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP", "PPM")
MAGIC = (
    b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\0", b"MM\0*", b"BM", b"P6\n",
    b"RIFF\xff\xff\0\0WEBPVP8 ", b"8BPS\0\1", b"\0\0\1\0", b"PK\3\4", b"%PDF-1.7",
    b"\0\0\0\x0cjP  ",
)  # fmt: skip


class Photos:
    """Real photos, as they are and in every format that the service reads."""

    def __init__(self, folder: Path, most: int = 300) -> None:
        paths = sorted(find_images(folder))
        random.Random(0).shuffle(paths)  # noqa: S311
        self.files = [path.read_bytes() for path in paths[:most]]
        for path in photographs():
            picture = PIL.Image.open(path).convert("RGB")
            picture.thumbnail((160, 160))
            self.files.append(_saved(picture, "PNG"))
        self.good = self.files[-1]
        self.formats = [one for data in self.files[-8:] for one in _variants(data)]

    def any(self, dice: random.Random) -> bytes:
        """Returns a file to spoil."""
        return dice.choice(self.formats if dice.random() < 0.6 else self.files)


def _saved(picture: PIL.Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def _variants(data: bytes) -> Iterator[bytes]:
    picture = PIL.Image.open(io.BytesIO(data)).convert("RGB")
    picture.thumbnail((120, 120))
    exif = PIL.Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "camera"
    exif.get_ifd(0x8825)[1] = "N"  # a place, in a directory of its own
    for kind in FORMATS:
        yield _saved(picture, kind)
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        yield _saved(picture, kind, exif=exif)
    for compression in ("tiff_lzw", "tiff_deflate", "jpeg", "packbits", "group4"):
        mode = "1" if compression == "group4" else "RGB"
        yield _saved(picture.convert(mode), "TIFF", compression=compression)
    yield _saved(picture, "JPEG", progressive=True, icc_profile=b"x" * 500)
    yield _saved(picture.convert("CMYK"), "JPEG")
    deep = np.asarray(picture.convert("L")).astype(np.uint16) * 257
    for kind in ("PNG", "TIFF", "PPM"):
        yield _saved(PIL.Image.fromarray(deep), kind)
    alpha = picture.convert("RGBA")
    alpha.putalpha(128)
    yield from (_saved(alpha, kind) for kind in ("PNG", "WEBP", "TIFF"))
    yield _saved(picture.convert("P"), "PNG", transparency=3)
    for kind in ("GIF", "WEBP", "TIFF", "PNG"):
        more = [picture.rotate(90 * n) for n in range(1, 4)]
        yield _saved(picture, kind, save_all=True, append_images=more)


# Spoiling.


def _picture(data: bytes, dice: random.Random) -> Body:
    kind = dice.choice(("image/jpeg", "image/png", "application/octet-stream", "image/x"))
    return PREDICT, kind, data


def _turned_bits(dice: random.Random, photos: Photos) -> Body:
    data = bytearray(photos.any(dice))
    for _ in range(dice.choice((1, 3, 10, 100))):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return _picture(bytes(data), dice)


def _spoilt_head(dice: random.Random, photos: Photos) -> Body:
    data = bytearray(photos.any(dice))
    for _ in range(dice.choice((1, 2, 5, 20))):
        at = dice.randrange(min(len(data), dice.choice((40, 200, 1000))))
        value = dice.choice((b"\0", b"\xff", b"\x7f", b"\xff\xff\xff\xff", dice.randbytes(2)))
        data[at : at + len(value)] = value
    return _picture(bytes(data), dice)


def _moved_runs(dice: random.Random, photos: Photos) -> Body:
    data = photos.any(dice)
    for _ in range(dice.randint(1, 4)):
        a, b = sorted(dice.randrange(len(data) + 1) for _ in range(2))
        other = photos.any(dice)
        middle = dice.choice((b"", data[a:b] * 2, other[a:b], bytes(b - a), data[a:b][::-1]))
        data = data[:a] + middle + data[b:] or b"\0"
    return _picture(data, dice)


def _cut(dice: random.Random, photos: Photos) -> Body:
    data = photos.any(dice)
    return _picture(data[: dice.randrange(1, len(data))], dice)


def _random_bytes(dice: random.Random, _: Photos) -> Body:
    size = dice.choice((1, 10, 100, 1000, 10_000, 100_000))
    head = dice.choice(MAGIC) if dice.random() < 0.6 else b""
    return _picture(head + dice.randbytes(size), dice)


# Bombs.


def _size(dice: random.Random) -> int:
    return dice.choice((4_000, 20_000, 65_500, 100_000, 2**31 - 1))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, body: bytes, *more: bytes) -> bytes:
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")
    )


ZEROS = zlib.compress(bytes(200_000_000), 9)
"""200 MB in 194 KB."""


def _png_bomb(dice: random.Random, _: Photos) -> Body:
    how = dice.randrange(4)
    if how == 0:
        return _picture(_png(_size(dice), _size(dice), ZEROS[: dice.randint(10, 200_000)]), dice)
    if how == 1:
        return _picture(_png(64, 64, ZEROS), dice)
    if how == 2:
        kind, head = dice.choice(
            ((b"zTXt", b"a\0\0"), (b"iCCP", b"a\0\0"), (b"iTXt", b"a\0\1\0\0\0"))
        )
        small = zlib.compress(bytes(64 * 193))
        return _picture(_png(64, 64, small, *[_chunk(kind, head + ZEROS)] * 3), dice)
    text = [_chunk(b"tEXt", b"k%d\0v" % n) for n in range(20_000)]
    return _picture(_png(64, 64, zlib.compress(bytes(64 * 193)), *text), dice)


def _jpeg_bomb(dice: random.Random, photos: Photos) -> Body:
    data = bytearray(_saved(PIL.Image.open(io.BytesIO(photos.good)), "JPEG", progressive=True))
    frame = data.index(b"\xff\xc2")
    height, width = (min(_size(dice), 65_535) for _ in range(2))
    if dice.random() < 0.7:
        struct.pack_into(">HH", data, frame + 5, height, width)
    if dice.random() < 0.5:  # the same scan, over and over
        scan = data.rindex(b"\xff\xda")
        data = data[:scan] + data[scan:-2] * dice.choice((10, 100, 400)) + data[-2:]
    return _picture(bytes(data[:8_000_000]), dice)


def _gif_bomb(dice: random.Random, _: Photos) -> Body:
    width, height = (min(_size(dice), 65_535) for _ in range(2))
    frame = b",\0\0\0\0" + struct.pack("<HH", width, height) + b"\0\2\2L\1\0"
    screen = b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0" + bytes(6)
    comment = b"!\xfe" + (b"\xff" + b"c" * 255) * dice.choice((0, 3_000)) + b"\0"
    return _picture(screen + comment + frame * dice.choice((1, 1_000, 200_000)) + b";", dice)


def _tiff_bomb(dice: random.Random, _: Photos) -> Body:
    count = dice.choice((1, 1_000, 60_000))
    wide = dice.choice((100, _size(dice)))
    tags = [(256, 4, 1, wide), (257, 4, 1, wide), (258, 3, 1, 8),
            (259, 3, 1, dice.choice((1, 5, 8, 7))), (262, 3, 1, 1), (273, 4, count, 8),
            (277, 3, 1, dice.choice((1, 3, 60_000))), (278, 4, 1, dice.choice((0, 1, wide))),
            (279, 4, count, 2**32 - 1)]  # fmt: skip
    if dice.random() < 0.5:
        tags += [
            (700 + n, dice.randrange(14), 2**32 - 1, 8) for n in range(dice.choice((1, 60_000)))
        ]
    rows = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    following = dice.choice((0, 8, 2**32 - 1))  # 8: the same directory again, for ever
    head = struct.pack("<H", len(tags) & 0xFFFF)
    return _picture(b"II*\0\x08\0\0\0" + head + rows + struct.pack("<I", following), dice)


def _webp_bomb(dice: random.Random, photos: Photos) -> Body:
    if dice.random() < 0.5:
        size = struct.pack("<I", min(_size(dice), 2**24) - 1)[:3]
        parts = b"VP8X\x0a\0\0\0" + bytes([dice.choice((0, 2, 0x3E)), 0, 0, 0]) + size * 2
        parts += b"ANMF" + struct.pack("<I", 2**31) + bytes(500)
        return _picture(b"RIFF" + struct.pack("<I", len(parts) + 4) + b"WEBP" + parts, dice)
    picture = PIL.Image.open(io.BytesIO(photos.good)).resize((8, 8)).convert("RGB")
    data = bytearray(_saved(picture, "WEBP"))
    struct.pack_into("<HH", data, 26, *(dice.choice((1, 0x3FFF)) for _ in range(2)))
    return _picture(bytes(data), dice)


def _largest(dice: random.Random, _: Photos) -> Body:
    """A flat picture of 25 million pixels: just within the limits."""
    picture = PIL.Image.new(dice.choice(("RGB", "RGBA", "L", "P")), (5_000, 5_000), 1)
    return _picture(_saved(picture, dice.choice(("PNG", "GIF", "WEBP"))), dice)


def _zip_bomb(dice: random.Random, _: Photos) -> Body:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(dice.choice(("a.jpg", "../../a.jpg")), bytes(dice.choice((10, 5_000_000))))
    return _picture(out.getvalue(), dice)


OTHERS = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="9e9"><image href="file:///etc/passwd"/></svg>',
    b'<!DOCTYPE a [<!ENTITY b SYSTEM "http://127.0.0.1:9/"><!ENTITY c "&b;&b;">]><svg>&c;</svg>',
    b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 4, 300_000, 300_000, 8, 3) + bytes(400),
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 90000 90000\n(/etc/passwd) (r) file run\n",
    b"\xc5\xd0\xd3\xc6" + struct.pack("<II", 30, 2**31) + b"%!PS-Adobe-3.0 EPSF-3.0\n",
    b"%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction<</S/URI/URI(http://127.0.0.1:9/)>>>>endobj",
    b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miaf" + bytes(100),
    b"\0\0\1\0\xff\xff" + bytes(16) * 400,
    b"push graphic-context\nviewbox 0 0 640 480\nimage over 0,0 0,0 'https://127.0.0.1:9/x'\n",
    b"http://127.0.0.1:9/photo.jpg", b"file:///etc/passwd", b"/etc/passwd",
    b"cposix\nsystem\n(S'id'\ntR.",
    b"\x93NUMPY\1\0\x76\0{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n",
)  # fmt: skip


def _other_format(dice: random.Random, _: Photos) -> Body:
    data = dice.choice(OTHERS)
    if dice.random() < 0.5:
        at = dice.randrange(len(data))
        data = data[:at] + dice.randbytes(3) + data[at:]
    return _picture(data, dice)


# Forms, batches, types.

CHARSETS = ("", "; charset=utf-8", "; charset=utf-7", "; charset=unicode_escape", "; charset=idna",
            "; charset=%00", "; charset=undefined", "; charset=utf-16")  # fmt: skip
NAMES = (b"a.jpg", b"\\ud800.jpg", b"+2AA-", b"../../etc/passwd", b"\xff\xfe", b"a" * 9_000, b"",
         b'"', b"a\0b", "\u202egpj.exe".encode())  # fmt: skip


def _broken_form(dice: random.Random, photos: Photos) -> Body:
    mark, harm = dice.choice((b"b", b"b" * 70, b"x'()+_,-./:=?")), dice.choice((0.0, 0.1, 0.5))
    parts = []
    for _ in range(dice.choice((0, 1, 1, 2, 2, 16, 17, 40))):
        name = b'; name="files"' if dice.random() > harm else dice.choice((b"", b"; name*=u''%ff"))
        file = b'; filename="%b"' % dice.choice(NAMES) if dice.random() > harm else b""
        head = b"--" + mark + b"\r\nContent-Disposition: form-data" + name + file + b"\r\n"
        if dice.random() < harm:
            head += dice.choice(
                (b"X: y\r\n" * 50, b"X: " + b"y" * 20_000 + b"\r\n", b"\0: \xff\r\n")
            )
        data = photos.any(dice) if dice.random() < 0.3 else dice.randbytes(dice.choice((0, 5, 90)))
        parts.append(head + b"\r\n" + data + b"\r\n")
    body = b"".join(parts) + b"--" + mark + b"--\r\n"
    if dice.random() < harm:
        a = dice.randrange(len(body))
        body = body[:a] + dice.choice((b"", dice.randbytes(4), b"\r\n--" + mark)) + body[a + 3 :]
    boundary = mark.decode() if dice.random() > harm else dice.choice(("other", "", "b" * 5_000))
    return PREDICT, f'multipart/form-data; boundary="{boundary}"{dice.choice(CHARSETS)}', body


def _broken_batch(dice: random.Random, photos: Photos) -> Body:
    lines = []
    for n in range(dice.choice((1, 3, 30))):
        image = base64.b64encode(photos.any(dice)[: dice.choice((9, 900, 90_000))]).decode()
        good = json.dumps({"id": f"n{n}", "image": image}).encode()
        a = dice.randrange(len(good))
        lines.append(dice.choice((
            good, good[:a], good[:a] + dice.randbytes(2) + good[a:], b"", b"[" * 50_000, b"null",
            b'{"id": "\\ud800", "image": ""}', b'{"id": 1e999, "image": {}}', b"\0" * 50,
            b'{"id": "a", "id": "b", "image": "====", "path": "/etc/passwd"}', dice.randbytes(300),
        )))  # fmt: skip
    return BATCH, "application/x-ndjson", dice.choice((b"\n", b"\r\n", b"\n\n")).join(lines)


TYPES = (
    "",
    "text/html",
    "application/json",
    "image",
    "image/",
    "multipart/form-data",
    "a" * 5_000,
    "application/x-www-form-urlencoded",
    "application/x-ndjson",
    "*/*",
    "\xff\xfe",
    "text/x;;;=",
)


def _wrong_type(dice: random.Random, photos: Photos) -> Body:
    return dice.choice((PREDICT, BATCH)), dice.choice(TYPES), photos.any(dice)


def _too_much(dice: random.Random, _: Photos) -> Body:
    return _picture(dice.randbytes(dice.choice((10_000_001, 12_000_000))), dice)


KINDS: dict[str, tuple[float, Maker]] = {
    "photo, bits turned": (18, _turned_bits),
    "photo, head overwritten": (24, _spoilt_head),
    "photo, runs moved": (14, _moved_runs),
    "photo, cut short": (8, _cut),
    "random bytes": (6, _random_bytes),
    "PNG bomb": (3, _png_bomb),
    "JPEG bomb": (3, _jpeg_bomb),
    "GIF bomb": (3, _gif_bomb),
    "TIFF bomb": (3, _tiff_bomb),
    "WebP bomb": (2, _webp_bomb),
    "zip bomb": (1, _zip_bomb),
    "largest allowed": (0.05, _largest),
    "other format": (4, _other_format),
    "broken form": (6, _broken_form),
    "broken batch": (3, _broken_batch),
    "wrong type": (1.5, _wrong_type),
    "over the limit of bytes": (0.3, _too_much),
}
