"""The frame of a FeatureCollection (RFC 7946) around streamed features. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

MEDIA_TYPE = "application/geo+json"


def frame(name: str, chunks: Iterable[bytes], count: Callable[[], int]) -> Iterator[bytes]:
    """Wrap chunks of `,{feature}` lines. GDAL takes `name` as the layer's name.

    The closing brackets come only after the last chunk came without an error: a body that was cut never parses.
    numberReturned (as in OGC API – Features) lets a reader check that it has everything.
    """
    start = b'{"type":"FeatureCollection","name":"%s","features":[\n' % name.encode()
    for chunk in chunks:
        # The first feature's comma goes.
        yield start + chunk[1:] if start else chunk
        start = b""
    yield start + b'],"numberReturned":%d}\n' % count()
