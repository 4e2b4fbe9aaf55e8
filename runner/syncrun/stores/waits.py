"""How a store waits for a file that somebody else has open, and when it gives up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from syncrun.errors import LockedError
from syncrun.stores.gate import Caller, gate_of

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.1  # seconds between two looks at a held file

_Opened = TypeVar("_Opened")


class HeldError(Exception):
    """Somebody else has the file open; the argument says who."""


class BusyError(HeldError):
    """It is another thread of this process that uses a store."""


@dataclass(frozen=True, slots=True)
class Waits:
    """Waits for the file at *path*, as `DatabaseFile` describes it."""

    path: Path
    lock_timeout: float
    patience: float | None
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    on_wait: Callable[[str], None] | None

    def until(self, attempt: Callable[[Caller], _Opened], *, since: float | None = None) -> _Opened:
        """Return what *attempt* does, tried again while it raises HeldError; raise LockedError in the end.

        The wait began at *since*, by default now.
        """
        caller, gate = Caller(), gate_of(self.path)
        try:
            return self._until(attempt, caller, self.clock() if since is None else since)
        finally:
            gate.give_up(caller)

    def _until(self, attempt: Callable[[Caller], _Opened], caller: Caller, started: float) -> _Opened:
        waited, pause, told = 0.0, _FIRST_PAUSE, False
        while True:
            # every other second: a thread that reads while it reads must not keep itself out for ever
            caller.first = int(waited) % 2 == 1
            try:
                return attempt(caller)
            except HeldError as error:
                waited, limit, silent = self.clock() - started, self.lock_timeout, False
                if isinstance(error, BusyError) and self.patience is not None:
                    limit, silent = self.patience, True
                if waited >= limit:
                    raise self.gave_up(str(error), waited) from None
                if not told and not silent:
                    told = True
                    if self.on_wait is not None:
                        self.on_wait(f"waiting for {self.path}, which is held by {error}")
                self.sleep(min(pause, limit - waited))
                waited = self.clock() - started
                pause = min(2 * pause, _LONGEST_PAUSE)

    def gave_up(self, holder: str, waited: float) -> LockedError:
        """Return the error that ends a wait of so many seconds."""
        return LockedError(
            f"{self.path} is held by {holder}; gave up after {waited:.0f} s",
            hint="close that program, or wait longer with --lock-timeout",
        )
