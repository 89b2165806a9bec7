"""Made once when many ask at once; bounded; an error is not kept."""

from __future__ import annotations

import threading

import pytest

from app.heat.cache import Lru


def test_many_ask_and_one_makes() -> None:
    cache: Lru[int] = Lru(100, lambda _: 1)
    go, made, got = threading.Barrier(8), [], []

    def make() -> int:
        made.append(1)
        return 7

    def ask() -> None:
        go.wait()
        got.append(cache.get("a", make))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (made, got) == ([1], [7] * 8)


def test_the_least_recently_used_leaves_first() -> None:
    cache: Lru[str] = Lru(2, lambda _: 1)
    for key in ("a", "b", "a", "c"):
        cache.get(key, f"{key}1".lower)
    assert len(cache) == 2
    assert cache.get("a", lambda: "a2") == "a1"
    assert cache.get("b", lambda: "b2") == "b2"


def test_something_larger_than_all_room_is_still_kept_until_the_next() -> None:
    cache: Lru[str] = Lru(2, len)
    cache.get("a", lambda: "long")
    assert cache.get("a", lambda: "other") == "long"
    cache.get("b", lambda: "b")
    assert len(cache) == 1


def test_an_error_is_not_kept() -> None:
    cache: Lru[int] = Lru(10, lambda _: 1)

    def fail() -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cache.get("a", fail)
    assert len(cache) == 0
    assert cache.get("a", lambda: 3) == 3
