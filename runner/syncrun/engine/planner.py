"""What a run has to read of each partition: from which progress on, with which requests, or nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from msgspec import Struct

from syncrun.config.sync import Sync
from syncrun.engine.checkpoints import Progress, without_place
from syncrun.engine.context import base_url_of
from syncrun.engine.cursors import render as render_cursor
from syncrun.engine.cursors import slices, unmoved_below
from syncrun.engine.deleted_feed import DeletedFeed, version_of
from syncrun.engine.exports import Exports
from syncrun.engine.fetching import Sender, pages_of
from syncrun.engine.job import Job, Options, Runtime
from syncrun.engine.parents import live_parents
from syncrun.engine.plan import Mode, Partition, finds_missing, plan_partitions, told_only
from syncrun.engine.reading import Reading
from syncrun.engine.searches import Searches, searches_of
from syncrun.engine.walk import Fetch
from syncrun.expressions.functions import Functions
from syncrun.expressions.layout import Layout
from syncrun.extract.fetch import Fetched
from syncrun.extract.job import Created
from syncrun.extract.promises import DELETIONS
from syncrun.hooks import Hooks
from syncrun.http.redact import Redactor
from syncrun.paginators.base import Pagination


class Planner(Struct, frozen=True):
    """Makes the readings of one pass over the partitions of a sync.

    *window* is the snapshot window that complete partitions belong to, *missing* the partitions with records
    that another read has to miss, *definition* the fingerprint of what
    is read, *mapping* that of what is made of it. Pages are asked of *client*, exports of *asking*. *feed* is
    the sync that lists what was deleted, if there is one. *layout* is what the mapping reads of a record,
    None for all of it.
    """

    job: Job
    options: Options
    runtime: Runtime
    mode: Mode
    window: str | None
    missing: frozenset[str]
    definition: str
    mapping: str | None
    client: Sender
    asking: Sender
    redactor: Redactor
    functions: Functions
    hooks: Hooks
    feed: Sync | None
    on_detect: Callable[[Pagination, str], None]
    layout: Layout | None

    def readings(
        self, saved: Mapping[str, Progress], fresh: Progress, roots: Mapping[str, Any]
    ) -> Iterator[Reading]:
        """Yield the reading of each partition, already ended when there is nothing to do for it.

        It goes on from its *saved* progress, *fresh* when there is none. *roots* are those of all templates.
        """
        for partition in plan_partitions(self.job.sync.sources, self._parents, roots):
            if partition.listed:
                partition = self._without_secret(partition)  # noqa: PLW2901 - it takes its place
            progress = saved.get(partition.id, fresh)
            if not self.job.sync.key_fields:  # equal records are numbered from the first page on
                progress = replace(progress, resume=without_place(progress.resume))
            reading = self._reading(partition, progress, roots)
            if self.window is not None and progress.window == self.window:
                reading.keep()  # read completely before the run that began this snapshot was cut short (R8)
            elif self._unchanged(partition, progress):
                reading.skip("its parent has not changed")
            yield reading

    def _without_secret(self, partition: Partition) -> Partition:
        """Return *partition* under a name that tables and checkpoints may show.

        Of a secret that is a digest; the value itself reaches templates only.
        """
        if self.redactor.text(partition.id) == partition.id:
            return partition
        digest = hashlib.sha256(partition.id.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return Partition(
            json.dumps([f"secret {digest}"]), partition.roots, partition.seq, listed=partition.listed
        )

    def anew(self, reading: Reading, roots: Mapping[str, Any]) -> Reading:
        """Return the reading of the same partition from its beginning."""
        progress = Progress(reading.saved.field, mapping=reading.saved.mapping)
        return self._reading(reading.partition, progress, roots)

    def _parents(self, name: str) -> Iterator[dict[str, Any]]:
        return live_parents(self.job, self.runtime, name)

    def _reading(self, partition: Partition, saved: Progress, roots: Mapping[str, Any]) -> Reading:
        incremental, now = self.job.sync.incremental, self.runtime.now()
        since = saved.cursor if self.mode == "incremental" else None
        cursor = render_cursor(incremental, since, roots)
        context = {**roots, **partition.roots, "cursor": cursor, "cursor_tie": None}
        base_url = base_url_of(self.job, context)
        reading = Reading(
            partition,
            saved,
            mode=self.mode,
            window=self.window,
            now=now,
            definition=self.definition,
            incremental=incremental,
            fetch=self._fetch(base_url, changes_only=since is not None),
            context=context,
            parts=slices(incremental, since, roots, now) if incremental and incremental.window else (),
            feed=self._deletions(base_url, saved, roots),
            pagination=self.job.sync.pagination,
            resumable=not self.job.sync.merge and (self.mode == "full" or not self.job.sync.newest_first),
            mapping=self.mapping,
            told=told_only(self.job.sync),
            since=unmoved_below(incremental, since),
            searches=self._searches(base_url, changes_only=since is not None),
            clock=self.runtime.now if self.mode == "full" and finds_missing(self.job.sync) else None,
        )
        reading.start = render_cursor(incremental, None, {**roots, **partition.roots})
        return reading

    def _searches(self, base_url: str, *, changes_only: bool) -> Searches | None:
        """Return how a search is gone on with; a request for changes is one, where there is such."""
        incremental = self.job.sync.incremental
        if incremental is None or not (changes_only or incremental.request is None):
            return None
        return searches_of(self.job.sync, self._fetch(base_url, changes_only=True))

    def _fetch(self, base_url: str, *, changes_only: bool) -> Fetch:
        return pages_of(
            self.job.sync,
            base_url=base_url,
            client=self.client,
            redactor=self.redactor,
            functions=self.functions,
            hooks=self.hooks,
            changes_only=changes_only,
            # partitions have their own way to be read side by side; a look at the beginning needs none
            side_by_side=not self.job.sync.sources and self.options.limit is None,
            on_detect=self.on_detect,
            layout=self.layout,
            exports=Exports(self.asking.send, self.runtime, self.redactor, self.functions),
        )

    def _deletions(self, base_url: str, saved: Progress, roots: Mapping[str, Any]) -> DeletedFeed | None:
        """Return the list of deletions; None when there is none, or nothing was read yet.

        A look at the beginning of the records does without: it deletes nothing.
        """
        if self.feed is None or saved.cursor is None or self.options.limit is not None:
            return None
        listed = pages_of(
            self.feed,
            base_url=base_url,
            client=self.client,
            redactor=self.redactor,
            functions=self.functions,
            hooks=self.hooks,
            promised=DELETIONS,
        )
        # deletions are asked for since the last run, also when all records are read again
        dated = version_of(self.job.sync) is not None
        position = saved.deletions if dated and saved.deletions is not None else saved.cursor
        since = {"cursor": render_cursor(self.job.sync.incremental, position, roots)}
        return DeletedFeed(partial(_shown, listed, since), self.feed, dated)

    def _unchanged(self, partition: Partition, saved: Progress) -> bool:
        sources = self.job.sync.sources
        if self.options.full or not any(source.changed_only for source in sources):
            return False
        if saved.resume is not None or partition.id in self.missing:
            return False  # what was begun has to be finished, and what is missing has to be looked for
        return saved.parents_seq is not None and partition.seq <= saved.parents_seq


def _shown(
    fetch: Fetch, roots: Mapping[str, Any], context: Mapping[str, Any], *place: Any, **job: Any
) -> Iterator[Fetched | Created]:
    """Fetch with more *roots* in the context."""
    return fetch({**context, **roots}, *place, **job)
