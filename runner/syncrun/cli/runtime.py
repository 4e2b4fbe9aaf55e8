"""What the runs of a command work with: its store, the world outside, and how they are told and stopped."""

from __future__ import annotations

from collections.abc import Callable

from syncrun.cli.signals import Stop
from syncrun.engine.job import Runtime
from syncrun.engine.outside import Outside
from syncrun.engine.report import Event
from syncrun.engine.selection import Workspace


def runtime_of(
    workspace: Workspace,
    outside: Outside,
    stop: Stop,
    emit: Callable[[Event], None],
    *,
    lock_timeout: float,
    writing: bool = False,
) -> Runtime:
    """Return the runtime for runs in *workspace* that *stop* ends; *emit* is told what happens."""
    return Runtime(
        workspace.store(writing=writing, lock_timeout=lock_timeout, sleep=stop.sleep),
        workspace.database,
        now=outside.now,
        clock=outside.clock,
        sleep=stop.sleep,
        random=outside.random,
        transport=outside.transport,
        fault=outside.fault,
        emit=emit,
        stop=stop.event,
        environ=workspace.environ,
    )
