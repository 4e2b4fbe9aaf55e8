"""What one run is about (`Job`, `Options`) and what it works with (`Runtime`)."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from syncrun.auth.credentials import Credentials
from syncrun.config.connector import Connector
from syncrun.config.secrecy import secret_values
from syncrun.config.sync import Sync
from syncrun.engine.asked_once import AskedOnce
from syncrun.engine.locks import folder_of
from syncrun.engine.outside import utc_now
from syncrun.engine.report import Event
from syncrun.engine.together import Together
from syncrun.stores.memory_folder import own_memory, staging_in_memory
from syncrun.stores.values.commit import SMALL, Changes, Commit
from syncrun.stores.values.ids import SyncId
from syncrun.stores.values.progress import Saved

if TYPE_CHECKING:
    import httpx

    from syncrun.engine.ahead import Ahead
    from syncrun.http.client import Exchange
    from syncrun.http.encoding import Outgoing
    from syncrun.http.outcome import Outcome
    from syncrun.http.redact import Redactor
    from syncrun.stores.base import Store


@dataclass(frozen=True, slots=True)
class Job:
    """One sync of one connection, its configuration resolved: *config* holds values, secrets included.

    *folder* is where the connector's files are, *project* the folder of the project that has the connection.
    *restrict_hosts* are the only hosts that requests may go to; None: any.
    """

    id: SyncId
    connector: Connector
    config: Mapping[str, Any] = field(repr=False)
    metadata: Mapping[str, Any] = field(default_factory=dict, repr=False)
    folder: Path | None = None
    project: Path | None = None
    restrict_hosts: tuple[str, ...] | None = None

    @property
    def sync(self) -> Sync:
        """The sync's definition."""
        return self.connector.syncs[self.id.sync]

    @property
    def parents(self) -> set[SyncId]:
        """The syncs whose records this one is read for, and which therefore run before it."""
        names = {name for source in self.sync.sources for name in source.parents}
        return {SyncId(self.id.connection, self.id.connector, name) for name in names}

    @property
    def model_name(self) -> str:
        """The table that the sync fills."""
        return self.sync.model or self.id.sync

    @property
    def redactor(self) -> Redactor:
        """What knows the configured values that must never be shown (R23)."""
        from syncrun.http.redact import Redactor

        hooked = any(getattr(auth, "type", "") == "hook" for auth in self.connector.auth_entries)
        found = list(secret_values(self.connector, self.config, self.id.sync, hooked=hooked))
        return Redactor(
            (text for text, opens in found if opens), (text for text, opens in found if not opens)
        )


@dataclass(frozen=True, slots=True)
class Options:
    """How a run was asked for. *limit* counts records; times are in seconds.

    *cursor* is where to start in place of the saved ones, read as `adjustments.read_cursor` gives it.
    *lock_timeout* bounds each wait for somebody else, *timeout* the run itself, from when it has its lock.
    A run commits while it reads as soon as *commit_rows* are staged, or *commit_seconds* have passed.
    *adopt* takes connections over that are another project's.
    """

    full: bool = False
    reset: bool = False
    limit: int | None = None
    accept_deletes: bool = False
    adopt: bool = False
    cursor: Any = None
    lock_timeout: float = 300.0
    timeout: float | None = None
    commit_rows: int = 250_000
    commit_seconds: float = 60.0


class Wire(Protocol):
    """Somebody who watches requests and answers; called from the threads that send."""

    def exchange(self, exchange: Exchange) -> None:
        """Take note of one attempt to send."""

    def answer(self, asked: Outgoing, answered: Outcome) -> None:
        """Take note of the answer that a request got in the end; those of sign-ins are not shown."""


def _ignore(event: Event) -> None:
    del event


@dataclass(frozen=True, slots=True)
class Runtime:
    """Everything outside the process that a run touches, passed in so that tests decide it.

    *state_folder* is the database file: staging, locks and issued credentials are beside it. A run that must
    leave no trace there stages in the folder *scratch*. *wire* watches what is sent and answered. *stop* is
    set to end runs early with their progress saved. *fault* is called with the name of each step, so that
    tests can end the process there. *together* and *ahead* are for the runs of one command, and so is
    *checks*: which connections have proven who is asking. *on_silence* is told when requests wait because the
    API says that none are left.
    """

    store: Store
    state_folder: Path
    now: Callable[[], datetime] = utc_now
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random
    transport: httpx.BaseTransport | None = None
    emit: Callable[[Event], None] = _ignore
    stop: threading.Event = field(default_factory=threading.Event)
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    fault: Callable[[str], None] = lambda _step: None
    scratch: Path | None = None
    wire: Wire | None = None
    together: Together | None = None
    ahead: Ahead | None = None
    checks: AskedOnce = field(default_factory=AskedOnce)
    on_silence: Callable[[str], None] = lambda _reason: None
    credentials: Credentials = field(init=False)

    def __post_init__(self) -> None:
        folder = self.state_folder.with_name(self.state_folder.name + ".credentials")
        credentials = Credentials(folder, self.environ, clock=self.clock, sleep=self.sleep)
        object.__setattr__(self, "credentials", credentials)

    def telling(
        self, on_wait: Callable[[str], None], on_silence: Callable[[str], None] | None = None
    ) -> Runtime:
        """Return the same runtime for a run that wants to be told what its store and requests wait for."""
        other = copy(self)  # what else it holds stays shared
        object.__setattr__(other, "store", self.store.telling(on_wait))
        object.__setattr__(other, "on_silence", on_wait if on_silence is None else on_silence)
        return other

    def shared(self, together: Together | None, ahead: Ahead) -> Runtime:
        """Return the same runtime for the runs of one command, whose small commits are done *together*."""
        other = copy(self)
        for name, value in (("together", together), ("ahead", ahead)):
            object.__setattr__(other, name, value)
        return other

    def apart(self, scratch: Path, store: Store, wire: Wire | None = None) -> Runtime:
        """Return the same runtime for a run that leaves no trace, but for credentials that it is issued."""
        other = copy(self)
        for name, value in (("scratch", scratch), ("store", store), ("wire", wire)):
            object.__setattr__(other, name, value)
        return other

    def saved(self, job: Job, before: int | None) -> Saved:
        """Return what a run of *job* goes on from, whose lock was last held at *before*; -1: not known."""
        known = None if self.ahead is None else self.ahead.saved(job.id, self.store, before)
        return known or self.store.saved(job.id, job.model_name)

    def commit(self, commit: Commit) -> Changes:
        """Make *commit* true in the store, a small one that ends its run together with those of others."""
        if self.together is None or commit.rows > SMALL or commit.run.status == "running":
            return self.store.commit(commit)
        return self.together.commit(commit, self.store)

    @property
    def staging_folder(self) -> Path:
        """Where runs stage their rows: `<database>.staging`, or in memory when the database is encrypted."""
        if self.scratch is not None:
            return self.scratch / "staging"
        if self.store.encrypted:
            return staging_in_memory(self.state_folder)
        return self.state_folder.with_name(self.state_folder.name + ".staging")

    @property
    def passing_folder(self) -> Path | None:
        """Where files are that are gone before a command ends; None: where the system has such."""
        return own_memory() if self.store.encrypted else None

    @property
    def locks_folder(self) -> Path:
        """Where runs lock their syncs: `<database>.locks`."""
        return folder_of(self.state_folder)

    def limit_file(self, name: str) -> Path:
        """Return the file by which all who send for the same connection keep to its rate limit."""
        shared = self.locks_folder / f"{name}.rate"
        return shared if self.scratch is None or shared.exists() else self.scratch / shared.name
