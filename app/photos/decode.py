"""Untrusted picture bytes → a clean JPEG and its thumbnail. Pure: Pillow and the standard library, nothing of app.

Only pixels survive: a new picture is made of them, so no EXIF, GPS, XMP, ICC profile, comment or trailing bytes can.
Run as a script it is the other side of app/photos/sandbox.py: a process with little memory and little time, in which
a picture that was made to break the decoder breaks nothing else.
"""

from __future__ import annotations

import io
import json
import sys
import warnings
from dataclasses import dataclass
from typing import IO, Any

# Importing these keeps Image.open from loading the decoders of thirty other formats.
from PIL import Image, ImageFile, JpegImagePlugin, PngImagePlugin, UnidentifiedImageError, WebPImagePlugin

FORMATS = ("JPEG", "PNG", "WEBP")
PLUGINS = (JpegImagePlugin, PngImagePlugin, WebPImagePlugin)
MAX_BYTES = 12_000_000
MAX_PIXELS = 50_000_000
# A progressive JPEG is gone through once for each of its scans; cameras write about ten.
MAX_SCANNED_PIXELS = 1_000_000_000
LONG_SIDE_PX = 2048
THUMB_SIDE_PX = 320
QUALITY = 82
THUMB_QUALITY = 76
# A pixelated area keeps at most this many blocks along its long side: too few to read a plate or to know a face.
BLOCKS = 5
SHRUNK_BOX = (LONG_SIDE_PX, LONG_SIDE_PX)
ORIENTATION_TAG = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
MEMORY_BYTES = 1_200_000_000
CPU_S = 20
REFUSED_STATUS = 3


class PictureError(ValueError):
    """The bytes are refused. `code` is one of empty, too_many_bytes, heic, not_a_picture, too_many_pixels, broken."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Picture:
    """A clean picture: JPEG bytes of at most 2048 px and of at most 320 px on the long side; size of the first."""

    jpeg: bytes
    thumb: bytes
    width_px: int
    height_px: int


@dataclass(frozen=True)
class Area:
    """A rectangle in pixels of the stored picture, from its upper left corner."""

    x_px: int
    y_px: int
    width_px: int
    height_px: int


def decode(raw: bytes) -> Picture:
    """Read a JPEG, PNG or WebP: upright, without transparency, first frame only.

    Raises:
        PictureError: anything else, too much of it, or broken.

    """
    return _picture(_read(raw))


def cover(jpeg: bytes, areas: tuple[Area, ...], mode: str) -> Picture:
    """Make `areas` of a stored picture unreadable: `mode` is "pixelate" or "black". Nothing of them is kept.

    Raises:
        PictureError: the stored file is broken.

    """
    image = _read(jpeg)
    for area in areas:
        box = (area.x_px, area.y_px, area.x_px + area.width_px, area.y_px + area.height_px)
        box = (max(box[0], 0), max(box[1], 0), min(box[2], image.width), min(box[3], image.height))
        if box[2] <= box[0] or box[3] <= box[1]:
            continue
        image.paste(_mosaic(image.crop(box)) if mode == "pixelate" else (0, 0, 0), box)
    return _picture(image)


def _mosaic(part: Image.Image) -> Image.Image:
    block_px = max(part.width, part.height) / BLOCKS
    coarse = (max(1, round(part.width / block_px)), max(1, round(part.height / block_px)))
    return part.resize(coarse, Image.Resampling.BOX).resize(part.size, Image.Resampling.NEAREST)


def _read(raw: bytes) -> Image.Image:
    """The pixels, upright, RGB, at most 2048 px."""
    if not raw:
        raise PictureError("empty")
    if len(raw) > MAX_BYTES:
        raise PictureError("too_many_bytes")
    if raw[4:8] == b"ftyp" and raw[8:12] in HEIF_BRANDS:
        raise PictureError("heic")
    try:
        with warnings.catch_warnings():
            # Pillow only warns of odd chunks and of bombs below twice its limit; ours is checked below.
            warnings.simplefilter("ignore")
            return _pixels(raw)
    except PictureError:
        raise
    except (Image.DecompressionBombError, MemoryError):
        raise PictureError("too_many_pixels") from None
    except UnidentifiedImageError:
        raise PictureError("not_a_picture") from None
    except Exception:  # noqa: BLE001  (decoders raise SyntaxError, struct.error, OSError, IndexError… for broken files)
        raise PictureError("broken") from None


def _pixels(raw: bytes) -> Image.Image:
    # WeasyPrint turns this on for the whole process; half a picture is no picture here.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    image: Image.Image = Image.open(io.BytesIO(raw), formats=FORMATS)
    pixels = image.width * image.height
    if pixels > MAX_PIXELS:
        raise PictureError("too_many_pixels")
    if raw.startswith(b"\xff\xd8") and raw.count(b"\xff\xda") * pixels > MAX_SCANNED_PIXELS:
        raise PictureError("too_many_pixels")
    # A JPEG can be decoded at a half or a quarter of its size at once: less memory, same result.
    image.draft("RGB", SHRUNK_BOX)
    image.load()
    turn = TURNS.get(_orientation(image))
    image = _plain(image)
    image.thumbnail(SHRUNK_BOX, Image.Resampling.LANCZOS)
    if image.mode == "RGBA":
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image).convert("RGB")
    return image if turn is None else image.transpose(turn)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION_TAG, 1))
    except Exception:  # noqa: BLE001  (a broken EXIF block is no reason to refuse a good picture)
        return 1


def _plain(image: Image.Image) -> Image.Image:
    """Any mode that the three formats have → RGB, or RGBA where something is transparent."""
    if image.mode.startswith("I"):
        # 16 bits a pixel: convert() alone would turn everything above 255 white.
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image if image.mode == "RGB" else image.convert("RGB")


def _picture(image: Image.Image) -> Picture:
    thumb = image.copy()
    thumb.thumbnail((THUMB_SIDE_PX, THUMB_SIDE_PX), Image.Resampling.LANCZOS)
    return Picture(_jpeg(image, QUALITY), _jpeg(thumb, THUMB_QUALITY), image.width, image.height)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    # Pillow would write the comment that it keeps in info: a new picture has no info.
    fresh = Image.new("RGB", image.size)
    fresh.paste(image)
    target = io.BytesIO()
    fresh.save(target, "JPEG", quality=quality, optimize=True, progressive=True)
    return target.getvalue()


# ── the other side of the sandbox ───────────────────────────────────────────────────────────────────────────────────


def write_request(mode: str, areas: tuple[Area, ...], raw: bytes) -> bytes:
    """One line that says what to do ("decode", "pixelate" or "black"), then the bytes."""
    boxes = [[a.x_px, a.y_px, a.width_px, a.height_px] for a in areas]
    return json.dumps({"mode": mode, "areas": boxes}).encode() + b"\n" + raw


def read_answer(answer: bytes) -> Picture:
    """What the process wrote: one line of sizes, the picture, the thumbnail."""
    line, _newline, rest = answer.partition(b"\n")
    sizes: dict[str, int] = json.loads(line)
    cut = sizes["jpeg"]
    return Picture(rest[:cut], rest[cut:], sizes["width_px"], sizes["height_px"])


def serve_one(source: IO[bytes], target: IO[bytes]) -> int:
    """Answer one request; returns the exit status."""
    order: dict[str, Any] = json.loads(source.readline())
    raw = source.read()
    try:
        areas = tuple(Area(*box) for box in order["areas"])
        made = decode(raw) if order["mode"] == "decode" else cover(raw, areas, order["mode"])
    except PictureError as error:
        target.write(error.code.encode())
        return REFUSED_STATUS
    sizes = {"jpeg": len(made.jpeg), "width_px": made.width_px, "height_px": made.height_px}
    target.write(json.dumps(sizes).encode() + b"\n" + made.jpeg + made.thumb)
    return 0


def _bound() -> None:
    """From here on: so much memory, so much time, no file written, no core left behind."""
    import resource  # noqa: PLC0415  (only where there is Unix; the rest of this module runs anywhere)

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    _bound()
    status = serve_one(sys.stdin.buffer, sys.stdout.buffer)
    sys.stdout.buffer.flush()
    sys.exit(status)
