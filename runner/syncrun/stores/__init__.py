"""Where records are kept: the store, one file a concern."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from syncrun.stores import binding as binding
    from syncrun.stores import change_feed as change_feed
    from syncrun.stores import checkpoints as checkpoints
    from syncrun.stores import compaction as compaction
    from syncrun.stores import definitions as definitions
    from syncrun.stores import forgetting as forgetting
    from syncrun.stores import joint as joint
    from syncrun.stores import live as live
    from syncrun.stores import merge as merge
    from syncrun.stores import missing as missing
    from syncrun.stores import preview as preview
    from syncrun.stores import publication as publication
    from syncrun.stores import quarantine as quarantine
    from syncrun.stores import query as query
    from syncrun.stores import retention as retention
    from syncrun.stores import run_changes as run_changes
    from syncrun.stores import run_log as run_log
    from syncrun.stores import runs as runs
    from syncrun.stores import snapshots as snapshots
    from syncrun.stores import states as states
    from syncrun.stores import tables as tables
    from syncrun.stores import told as told


def __getattr__(name: str) -> Any:
    """Import a module when it is first used: no command needs all of them."""
    try:
        return import_module(f"{__name__}.{name}")
    except ModuleNotFoundError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
