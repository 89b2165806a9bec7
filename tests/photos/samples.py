"""Pictures for the tests, good and hostile, made here: no binary file lies in the repository."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

SECRET = "DANIEL-SECRET-49.8947"
XMP = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>{SECRET}</rdf:RDF></x:xmpmeta>'.encode()


def scene(width: int = 640, height: int = 480) -> Image.Image:
    """Four quarters of different colours: red and green above, blue and yellow below."""
    image = Image.new("RGB", (width, height), "red")
    half_w, half_h = width // 2, height // 2
    image.paste((0, 160, 0), (half_w, 0, width, half_h))
    image.paste((0, 0, 255), (0, half_h, half_w, height))
    image.paste((255, 255, 0), (half_w, half_h, width, height))
    return image


def encoded(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def jpeg(width: int = 640, height: int = 480, **options: Any) -> bytes:
    return encoded(scene(width, height), **options)


def exif(orientation: int = 1) -> Image.Exif:
    """Position, device, author, comment, time: what a phone writes."""
    made = Image.Exif()
    made[0x0112] = orientation
    made[0x010F] = made[0x013B] = made[0x010E] = SECRET
    made.get_ifd(0x8825).update({1: "N", 2: (49.0, 53.0, 41.0), 3: "E", 4: (2.0, 18.0, 8.0)})
    made.get_ifd(0x8769).update({0x9003: "2026:05:04 18:30:00", 0x9286: SECRET})
    return made


def profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def tagged(kind: str) -> bytes:
    """A picture with everything in it that may tell where, when, by whom and with what it was taken."""
    if kind == "JPEG":
        made = jpeg(exif=exif(), icc_profile=profile(), comment=SECRET.encode(), xmp=XMP, dpi=(72, 72))
        return made + b"PK\x03\x04" + SECRET.encode()  # and a polyglot's tail
    if kind == "PNG":
        info = PngInfo()
        info.add_text("Author", SECRET)
        info.add_text("Comment", SECRET, zip=True)
        info.add_itxt("XML:com.adobe.xmp", XMP.decode())
        return encoded(scene(), "PNG", pnginfo=info, exif=exif(), icc_profile=profile(), dpi=(72, 72))
    return encoded(scene(), "WEBP", exif=exif(), xmp=XMP, icc_profile=profile())


def png(width: int, height: int, depth: int = 8, colour: int = 2, rows: bytes | None = None) -> bytes:
    """A PNG by hand, so that its header may lie."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    content = zlib.compress(rows if rows is not None else b"\x00" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", content) + chunk(b"IEND", b"")


def many_scans(count: int) -> bytes:
    """A progressive JPEG of 49 million pixels whose scans are repeated until reading them would take minutes."""
    plain = encoded(Image.new("L", (7000, 7000)), "JPEG", progressive=True)
    first = plain.index(b"\xff\xda")
    last = plain.rindex(b"\xff\xd9")
    return plain[:last] + plain[first:last] * count + plain[last:]


def webp_canvas(width: int, height: int) -> bytes:
    """A lossless WebP of some bytes whose header asks for a large canvas."""
    header = b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14)
    content = header + b"\x00" * 55
    body = b"WEBPVP8L" + struct.pack("<I", len(content)) + content
    return b"RIFF" + struct.pack("<I", len(body)) + body
