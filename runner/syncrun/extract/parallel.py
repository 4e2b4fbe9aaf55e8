"""Several enumerations side by side in threads, their items handed over one by one to the caller's thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Generic, TypeVar

from msgspec import Struct

K = TypeVar("K")
T = TypeVar("T")

_POLL_SECONDS = 0.1


class Item(Struct, Generic[K, T], frozen=True):
    """One value of the enumeration *key*."""

    key: K
    value: T


class Ended(Struct, Generic[K], frozen=True):
    """The enumeration *key* is over; *error* is what ended it early, if anything did."""

    key: K
    error: BaseException | None = None


def interleave(
    tasks: Iterable[tuple[K, Callable[[], Iterator[T]]]],
    *,
    workers: int = 1,
    depth: int = 1,
    check: Callable[[], None] = lambda: None,
) -> Generator[Item[K, T] | Ended[K], None, None]:
    """Yield the items of all *tasks*, each task's in order, at most *workers* tasks at a time.

    At most *depth* items per worker wait for the caller, so memory stays bounded. Errors of a task arrive as
    its `Ended`. *check* is called before each item and ten times a second, also while all tasks wait for the
    network; what it raises ends the iteration. Closing the generator ends the threads.
    """
    source = iter(tasks)
    turn, cancelled = threading.Lock(), threading.Event()
    items: queue.Queue[Item[K, T] | Ended[K] | None] = queue.Queue(maxsize=max(1, workers * depth))

    def hand_over(message: Item[K, T] | Ended[K] | None) -> bool:
        while not cancelled.is_set():
            try:
                items.put(message, timeout=_POLL_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        while not cancelled.is_set():
            with turn:
                task = next(source, None)
            if task is None:
                break
            key, enumerate_items = task
            error: BaseException | None = None
            try:
                for value in enumerate_items():
                    if not hand_over(Item(key, value)):
                        return
            except BaseException as raised:  # noqa: BLE001 - it travels to the caller's thread
                error = raised
            if not hand_over(Ended(key, error)):
                return
        hand_over(None)

    # daemons: a request that hangs must not keep the process from ending
    threads = [threading.Thread(target=work, name=f"fetch-{n}", daemon=True) for n in range(workers)]
    for thread in threads:
        thread.start()
    try:
        yield from _received(items, workers, check)
    finally:
        cancelled.set()


def _received(
    items: queue.Queue[Item[K, T] | Ended[K] | None], workers: int, check: Callable[[], None]
) -> Iterator[Item[K, T] | Ended[K]]:
    working = workers
    while working:
        check()
        try:
            message = items.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            continue
        if message is None:
            working -= 1
        else:
            yield message
