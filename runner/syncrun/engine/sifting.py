"""Which records that a complete read did not see may be missing: `deletes.within` and `confirm` (R32)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from syncrun.config.request import RequestSpec
from syncrun.engine.context import base_url_of, context_of, open_client
from syncrun.engine.enumeration import Enumeration
from syncrun.engine.fetching import Sender
from syncrun.engine.job import Job, Runtime
from syncrun.errors import EvaluationError, RequestError, RunError
from syncrun.expressions.compile import compile_expression, is_true
from syncrun.expressions.functions import Functions
from syncrun.extract.requests import Source, build_request
from syncrun.stores.values.commit import Commit
from syncrun.wording import counted

if TYPE_CHECKING:
    from syncrun.stores.values.preview import AbsentRecord

_GONE = frozenset({404, 410})
_MOST = 1000
"""So many records are asked for in one run; the others stay until the next."""


class Sifting:
    """Narrows the deletes of a run's last commit to records that the list covers, and that are not there.

    *read* is what the run has read, *tell* is told what is worth knowing.
    """

    def __init__(self, job: Job, runtime: Runtime, read: Enumeration, tell: Callable[[str], None]) -> None:
        self._job, self._runtime, self._read, self._tell = job, runtime, read, tell
        self._functions = Functions(clock=runtime.now)
        self._roots = {**context_of(job, runtime), "vars": read.vars or {}}

    def __call__(self, commit: Commit) -> Commit:
        """Return *commit* with deletes of only those records."""
        rule, deletes = self._job.sync.delete_rule, commit.deletes
        if rule is None or deletes is None or deletes.partitions == frozenset():
            return commit
        covered = None if rule.within is None else self._covered(rule.within)
        asked = None if deletes.accept else rule.confirmation
        if covered is None and asked is None:
            return commit
        most = 0 if asked is None else _MOST
        absent = self._runtime.store.absent(commit, covered, most=most)
        only = absent.ids
        if asked is not None and not absent.refused:
            only = self._ask(asked, absent.first)
            if len(absent.ids) > most:
                rest = counted(len(absent.ids) - most, "missing record")
                self._tell(f"{rest} more than {most:,} can be asked for in one run: they stay until the next")
        return replace(commit, deletes=replace(deletes, only=only))

    def _covered(self, within: str) -> Callable[[Mapping[str, Any]], bool]:
        condition = compile_expression(within, functions=self._functions)
        now = {"now": self._roots["now"]}

        def covered(fields: Mapping[str, Any]) -> bool:
            try:
                return is_true(condition({**now, **fields}))
            except EvaluationError:
                return False  # a record of which that cannot be said stays

        return covered

    def _ask(self, asked: RequestSpec, records: Sequence[AbsentRecord]) -> frozenset[str]:
        """Return the ids of those *records* that the API does not have any more."""
        gone, unknown = set[str](), list[str]()
        if not records:
            return frozenset()
        with open_client(
            self._job,
            self._runtime,
            self._roots,
            self._read.redactor,
            self._read.count,
            functions=self._functions,
            hooks=self._read.hooks,
        ) as client:
            for record in records:
                try:
                    if self._is_gone(client, asked, record):
                        gone.add(record.id)
                except RunError as error:
                    unknown.append(error.message)
        there = len(records) - len(gone) - len(unknown)
        if there:
            self._tell(f"{counted(there, 'record')} not listed, but there when asked for: not deleted")
        if unknown:
            told = counted(len(unknown), "missing record")
            self._tell(f"{told} could not be asked for, and stay: {unknown[0]}")
        return frozenset(gone)

    def _is_gone(self, client: Sender, asked: RequestSpec, record: AbsentRecord) -> bool:
        """Return whether the API says that *record* is not there; raise RunError when it says neither."""
        reading = self._read.readings.get(record.partition)
        context = {**self._roots, **(reading.partition.roots if reading else {}), "record": record.values}
        prepare = self._read.hooks.before_request if self._read.hooks.has("before_request") else None
        source = Source(base_url_of(self._job, context), asked, prepare=prepare)
        request = build_request(source, context, functions=self._functions)
        if prepare is not None:
            request = prepare(request, context)
        try:
            return client.send(request, also=_GONE).status in _GONE
        except RequestError as error:
            if error.status in _GONE:  # an error rule has an opinion of its own
                return True
            raise
