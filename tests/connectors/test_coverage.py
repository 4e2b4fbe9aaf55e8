"""The built-in connectors together use every kind that the language has: what is documented also works."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import get_args

import pytest

from syncrun import auth, decoders, paginators
from syncrun.auth.oauth2 import Grant
from syncrun.config.connector import Connector
from syncrun.config.load import find_connector, load_connector
from syncrun.config.sync import Deletes, Incremental, Sync
from tests.connectors.test_built_in import NAMES

# `hook` stands for Python beside the YAML, which no built-in connector needs.
UNUSED = {"hook"}
# What says more about a kind is none itself.
DETAILS = {
    "type",
    "start",
    "lookback",
    "format",
    "order",
    "tie_break",
    "records",
    "key",
    "pagination",
    "max_ratio",
    "allow_empty",
    "misses",
    "confirm",
    "within",
}


@cache
def connectors() -> tuple[Connector, ...]:
    return tuple(load_connector(find_connector(name, [])) for name in NAMES)


def syncs() -> Iterator[Sync]:
    return (sync for connector in connectors() for sync in connector.syncs.values())


def rules(sync: Sync) -> set[str]:
    """Return the kinds of the delete rule of *sync*."""
    if sync.delete_rule is None:
        return {"none"}
    given = {name for name, value in sync.delete_rule if value is not None} - DETAILS
    return given | ({"snapshot: every"} if getattr(sync.delete_rule.snapshot, "every", None) else set())


LANGUAGE = {
    "auth": set(auth.KINDS.names),
    "grant": set(get_args(Grant)),
    "pagination": set(paginators.KINDS.names),
    "decode": set(decoders.KINDS.names),
    "incremental": set(Incremental.model_fields) - DETAILS,
    "deletes": {*Deletes.model_fields, "snapshot: every", "none"} - DETAILS,
}
USED = {
    "auth": lambda: {str(getattr(a, "type", "")) for c in connectors() for a in c.auth_entries},
    "grant": lambda: {str(getattr(a, "grant", "")) for c in connectors() for a in c.auth_entries},
    "pagination": lambda: {sync.pagination.kind for sync in syncs() if sync.pagination},
    "decode": lambda: {sync.decode.type for sync in syncs()},
    "incremental": lambda: {
        name for s in syncs() if s.incremental for name in s.incremental.model_fields_set
    },
    "deletes": lambda: {name for sync in syncs() for name in rules(sync)},
}


@pytest.mark.parametrize("part", LANGUAGE)
def test_every_kind_is_used_by_a_built_in_connector(part: str) -> None:
    assert LANGUAGE[part], "the models have changed their shape"
    assert LANGUAGE[part] - UNUSED - USED[part]() == set()
