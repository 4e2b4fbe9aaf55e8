"""A defect of syncrun itself: told by its place, for what it says might quote what it stumbled over (R23)."""

from __future__ import annotations

import traceback

from syncrun.errors import InternalError, RunError, SyncrunError


def place_of(error: BaseException) -> str:
    """Return `internal error: KeyError in read (line 7)`, where *error* was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {frames[-1].name} (line {frames[-1].lineno})" if frames else ""
    return f"internal error: {type(error).__name__}{where}"


def as_told(error: Exception, *, run_id: str, stage: str, url: str) -> SyncrunError:
    """Return what is told of *error*: itself, or the defect that it is, in a *stage* after *url*."""
    if isinstance(error, SyncrunError):
        return error
    after = f", after {url}" if url else ""
    if isinstance(error, MemoryError):
        return RunError(f"not enough memory while {stage}{after}", hint="ask for smaller pages")
    hint = f"this is a defect of syncrun; `syncrun logs {run_id}` shows the whole trace"
    return InternalError(f"{place_of(error)} while {stage}{after}", hint=hint)


def trace_of(error: BaseException, shown: tuple[type[BaseException], ...] = (SyncrunError,)) -> str:
    """Return the whole trace of *error*, with the messages of those that are *shown*.

    Of all others only the type is told: they may quote a secret (R23).
    """
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    earlier = f"{trace_of(before, shown)}\nwhich led to:\n\n" if before is not None else ""
    told = f": {error}" if isinstance(error, shown) else ""
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"{earlier}{frames}{type(error).__qualname__}{told}\n"
