"""Several enumerations side by side: order, bounds, errors, and an end before the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from syncrun.extract.parallel import Ended, Item, interleave

SECONDS = 30


class StopError(Exception):
    """What `check` raises in these tests."""


def counting(count: int) -> Iterator[int]:
    yield from range(count)


def test_the_items_of_each_task_keep_their_order() -> None:
    found = list(interleave(((name, lambda: counting(50)) for name in "abc"), workers=3))
    for name in "abc":
        mine = [message for message in found if message.key == name]
        assert mine == [*(Item(name, number) for number in range(50)), Ended(name)]


def test_an_error_ends_its_task_and_no_other() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("no")

    found = list(interleave([("a", broken), ("b", lambda: counting(1))]))
    assert [message.key for message in found] == ["a", "a", "b", "b"]
    assert isinstance(found[1], Ended)
    assert isinstance(found[1].error, ValueError)
    assert found[3] == Ended("b")


def test_no_more_items_are_made_than_may_wait() -> None:
    made = threading.Semaphore(0)
    count = 0

    def endless() -> Iterator[int]:
        nonlocal count
        while True:
            count += 1
            made.release()
            yield count

    with closing(interleave([("a", endless)], depth=2)) as stream:
        next(stream)
        for _ in range(4):  # the one taken, two that wait, one in the hand
            assert made.acquire(timeout=SECONDS)
        assert not made.acquire(timeout=0.2)


def test_what_check_raises_ends_it_even_while_a_task_waits() -> None:
    waiting, over = threading.Event(), threading.Event()

    def hanging() -> Iterator[int]:
        waiting.set()
        over.wait(SECONDS)
        yield 1

    def check() -> None:
        if waiting.is_set():
            raise StopError

    with pytest.raises(StopError):
        list(interleave([("a", hanging)], check=check))
    over.set()


def test_nothing_comes_from_no_tasks() -> None:
    assert list(interleave([], workers=2)) == []
