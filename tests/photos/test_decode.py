"""What a picture may be, and that nothing but pixels comes out."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from app.photos import decode, sandbox
from app.photos.decode import Area, Picture, PictureError
from tests.photos.samples import SECRET, encoded, exif, jpeg, many_scans, png, scene, tagged, webp_canvas


def opened(content: bytes) -> Image.Image:
    image: Image.Image = Image.open(io.BytesIO(content))
    image.load()
    return image


def near(image: Image.Image, at: tuple[int, int], colour: tuple[int, int, int], tolerance: int = 12) -> bool:
    found = image.getpixel(at)
    assert isinstance(found, tuple)
    return all(abs(one - other) <= tolerance for one, other in zip(found, colour, strict=True))


def span(image: Image.Image) -> tuple[int, int]:
    """The darkest and the lightest grey."""
    low, high = image.getextrema()
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    return int(low), int(high)


def markers(content: bytes) -> set[int]:
    """The segments of a JPEG before its first scan."""
    found, at = set(), 2
    while content[at] == 0xFF and content[at + 1] != 0xDA:
        found.add(content[at + 1])
        at += 2 + int.from_bytes(content[at + 2 : at + 4])
    return found


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_no_metadata_survives(kind: str) -> None:
    raw = tagged(kind)
    assert SECRET.encode() in raw  # the sample is not empty
    made = decode.decode(raw)
    for content in (made.jpeg, made.thumb):
        assert SECRET.encode() not in content
        image = opened(content)
        assert image.format == "JPEG"
        assert dict(image.getexif()) == {}
        assert not {"exif", "comment", "icc_profile", "xmp", "dpi", "photoshop"} & set(image.info)
        # Tables, frame and the bare JFIF header; no APP1…APP15, no comment.
        assert markers(content) <= {0xE0, 0xDB, 0xC0, 0xC2, 0xC4, 0xDD}
        assert content.endswith(b"\xff\xd9")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_picture_stands_upright(orientation: int) -> None:
    upright = scene(640, 480)
    inverse = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    turned = upright if inverse is None else upright.transpose(Image.Transpose(inverse))
    made = decode.decode(encoded(turned, "JPEG", exif=exif(orientation), quality=95))
    image = opened(made.jpeg)
    assert (made.width_px, made.height_px) == image.size == (640, 480)
    assert near(image, (100, 100), (255, 0, 0))
    assert near(image, (540, 100), (0, 160, 0))
    assert near(image, (100, 380), (0, 0, 255))
    assert near(image, (540, 380), (255, 255, 0))
    assert near(opened(made.thumb), (20, 20), (255, 0, 0))


@pytest.mark.parametrize(
    ("size", "stored", "thumb"),
    [
        ((4000, 3000), (2048, 1536), (320, 240)),
        ((1000, 6000), (341, 2048), (53, 320)),
        ((300, 200), (300, 200), (300, 200)),
        ((1, 1), (1, 1), (1, 1)),
        ((60_000, 1), (2048, 1), (320, 1)),
    ],
)
def test_sizes_are_bounded_and_never_enlarged(
    size: tuple[int, int], stored: tuple[int, int], thumb: tuple[int, int]
) -> None:
    made = decode.decode(encoded(Image.new("RGB", size, "teal")))
    assert (made.width_px, made.height_px) == opened(made.jpeg).size == stored
    assert opened(made.thumb).size == thumb


def _sixteen_bit() -> bytes:
    # A middle grey: 32768 of 65535. Clipping instead of scaling would make it white.
    return png(20, 20, depth=16, colour=0, rows=(b"\x00" + b"\x80\x00" * 20) * 20)


def _transparent_palette() -> bytes:
    image = Image.new("P", (20, 20), 1)
    image.putpalette([0, 0, 0, 200, 0, 0] + [0] * 750)
    image.info["transparency"] = 1
    return encoded(image, "PNG", transparency=1)


def _animated(kind: str) -> bytes:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)


@pytest.mark.parametrize(
    ("raw", "colour"),
    [
        (encoded(Image.new("CMYK", (20, 20), (255, 255, 0, 0)), "JPEG", quality=95), (0, 0, 255)),
        (encoded(Image.new("L", (20, 20), 77), "JPEG"), (77, 77, 77)),
        (encoded(Image.new("1", (20, 20), 1), "PNG"), (255, 255, 255)),
        (encoded(Image.new("P", (20, 20), 0), "PNG"), (0, 0, 0)),
        (_sixteen_bit(), (128, 128, 128)),
        (_transparent_palette(), (255, 255, 255)),
        (encoded(Image.new("LA", (20, 20), (0, 0)), "PNG"), (255, 255, 255)),
        (encoded(Image.new("RGBA", (20, 20), (0, 0, 0, 0)), "WEBP"), (255, 255, 255)),
        (_animated("PNG"), (255, 0, 0)),
        (_animated("WEBP"), (255, 0, 0)),
        (_animated("MPO"), (255, 0, 0)),
    ],
)
def test_odd_but_good_pictures_come_out_plain(raw: bytes, colour: tuple[int, int, int]) -> None:
    image = opened(decode.decode(raw).jpeg)
    assert (image.mode, image.size, getattr(image, "n_frames", 1)) == ("RGB", (20, 20), 1)
    assert near(image, (10, 10), colour)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HOSTILE = [
    pytest.param(b"", "empty", id="nothing"),
    pytest.param(b"\xff\xd8\xff" + b"\x00" * 12_000_000, "too_many_bytes", id="too many bytes"),
    pytest.param(SVG, "not_a_picture", id="svg"),
    pytest.param(b"<!doctype html><img src=x onerror=alert(1)>", "not_a_picture", id="html"),
    pytest.param(b"GIF89a" + b"\x00" * 100, "not_a_picture", id="gif header"),
    pytest.param(encoded(scene(20, 20), "GIF"), "not_a_picture", id="gif"),
    pytest.param(encoded(scene(20, 20), "TIFF"), "not_a_picture", id="tiff"),
    pytest.param(encoded(scene(20, 20), "BMP"), "not_a_picture", id="bmp"),
    pytest.param(encoded(scene(20, 20), "ICO"), "not_a_picture", id="ico"),
    pytest.param(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not_a_picture", id="postscript"),
    pytest.param(encoded(scene(64, 64), "AVIF"), "not_a_picture", id="avif"),
    pytest.param(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + b"\x00" * 99, "heic", id="heic"),
    pytest.param(jpeg()[:3000], "broken", id="half a jpeg"),
    pytest.param(encoded(scene(), "PNG")[:-40], "broken", id="half a png"),
    pytest.param(encoded(scene(), "WEBP")[:200], "broken", id="half a webp"),
    pytest.param(b"\xff\xd8\xff\xe0" + b"\x00" * 500, "not_a_picture", id="jpeg header only"),
    pytest.param(png(60_000, 60_000), "too_many_pixels", id="3600 million pixels in 1 kB"),
    pytest.param(png(10_000, 5_001), "too_many_pixels", id="just over 50 million pixels"),
    pytest.param(png(5_000, 5_000), "broken", id="fewer rows than promised"),
    pytest.param(png(100, 100, depth=3), "broken", id="impossible depth"),
    pytest.param(many_scans(60), "too_many_pixels", id="too many scans"),
]


@pytest.mark.parametrize(("raw", "code"), HOSTILE)
def test_hostile_files_are_refused_by_name(raw: bytes, code: str) -> None:
    with pytest.raises(PictureError) as refused:
        decode.decode(raw)
    # Pillow calls some broken headers unidentified, which is as good an answer.
    assert refused.value.code == code or {refused.value.code, code} == {"broken", "not_a_picture"}


def test_the_sandbox_says_the_same() -> None:
    raw = jpeg(exif=exif(6))
    assert sandbox.decode(raw) == decode.decode(raw)
    with pytest.raises(PictureError, match="not_a_picture"):
        sandbox.decode(SVG)


def test_the_process_is_bounded_before_it_reads_anything(tmp_path: Path) -> None:
    script = Path(decode.__file__).read_text()
    main = script.index('if __name__ == "__main__":')
    assert script.index("    _bound()", main) < script.index("serve_one(", main)
    for deed in ("bytearray(2_000_000_000)", f"open({str(tmp_path / 'x')!r}, 'wb', 0).write(b'x')"):
        code = (
            f"import signal; from app.photos.decode import _bound; signal.signal(25, signal.SIG_IGN); _bound(); {deed}"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
        assert re.search(rb"MemoryError|File too large", done.stderr), deed


def test_a_canvas_of_2_gb_in_a_file_of_100_bytes_is_refused() -> None:
    # Pillow's WebP decoder makes its canvases when it opens the file, before anybody can ask for the size.
    bomb = webp_canvas(16_000, 16_000)
    assert len(bomb) < 100
    with pytest.raises(PictureError, match="too_many_pixels"):
        sandbox.decode(bomb)


def test_a_decoder_that_hangs_or_dies_is_a_broken_picture(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for body in ("import time; time.sleep(60)", "import os; os.kill(os.getpid(), 11)"):
        fake = tmp_path / "decode.py"
        fake.write_text(body)
        monkeypatch.setattr(decode, "__file__", str(fake))
        monkeypatch.setattr(sandbox, "TIMEOUT_S", 0.5)
        with pytest.raises(PictureError, match="broken"):
            sandbox.decode(jpeg())


def test_when_too_many_wait_somebody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "WAIT_S", 0.0)
    with sandbox._turn, pytest.raises(sandbox.SandboxBusyError):
        sandbox.decode(jpeg())


def _stripes() -> Picture:
    """Black and white stripes of 4 px, which no covered area may still show."""
    image = Image.new("RGB", (400, 300), "white")
    for x in range(0, 400, 8):
        image.paste((0, 0, 0), (x, 0, x + 4, 300))
    return decode.decode(encoded(image, quality=95))


@pytest.mark.parametrize("mode", ["pixelate", "black"])
def test_what_is_covered_is_gone_and_the_rest_is_as_it_was(mode: str) -> None:
    before = _stripes()
    made = decode.cover(before.jpeg, (Area(80, 80, 160, 80), Area(390, 290, 500, 500)), mode)
    assert (made.width_px, made.height_px) == (400, 300)
    grey = opened(made.jpeg).convert("L")
    inside = grey.crop((96, 96, 224, 144))
    rows = [span(inside.crop((0, y, inside.width, y + 1))) for y in range(inside.height)]
    # Stripes would have both ends in every row.
    assert all(high - low < 60 for low, high in rows)
    if mode == "black":
        assert max(high for _low, high in rows) < 25
    outside = span(grey.crop((0, 180, 380, 280)))
    assert outside[0] < 40
    assert outside[1] > 215
    assert grey.getpixel((396, 296)) != 255 or mode == "pixelate"
    small = span(opened(made.thumb).convert("L").crop((80, 80, 176, 112)))
    assert small[1] - small[0] < 60


def test_pixelated_areas_keep_five_blocks_at_most() -> None:
    noise = Image.effect_noise((500, 500), 120).convert("RGB")
    made = decode.cover(encoded(noise, quality=95), (Area(0, 0, 500, 100),), "pixelate")
    row = opened(made.jpeg).convert("L").crop((0, 0, 500, 100))
    flat = [span(row.crop((100 * i + 16, 16, 100 * i + 84, 84))) for i in range(5)]
    assert all(high - low < 12 for low, high in flat)
