"""All that a run reads: its partitions side by side, every page mapped and staged in one thread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, nullcontext
from datetime import datetime
from functools import partial
from typing import Any

from syncrun.engine.aside import Aside
from syncrun.engine.checkpoints import Progress
from syncrun.engine.context import context_of, open_client
from syncrun.engine.deleted_feed import as_told, feed_of
from syncrun.engine.endings import ending_of, hint_of_orphan
from syncrun.engine.fetching import Sender
from syncrun.engine.fingerprint import fingerprint
from syncrun.engine.identity import prove_once
from syncrun.engine.job import Job, Options, Runtime
from syncrun.engine.plan import Mode, finds_missing
from syncrun.engine.planner import Planner
from syncrun.engine.reading import Reading
from syncrun.engine.run_log import RunLog
from syncrun.engine.variables import read_vars
from syncrun.engine.walk import Begun, Taken
from syncrun.errors import RunError
from syncrun.expressions.functions import Functions
from syncrun.extract.job import JobFailed
from syncrun.extract.parallel import Ended, interleave
from syncrun.hooks import NO_HOOKS, Hooks
from syncrun.http.client import Exchange
from syncrun.http.redact import Redactor
from syncrun.paginators.base import End, Pagination
from syncrun.transform.mapping import BoundMapper, Mapped, Mapper
from syncrun.wording import counted

_TOLD = 3  # partitions that notes name


class CursorExpired(RunError):  # noqa: N818 - an answer that the connector declares, no error
    """The API no longer knows a saved cursor: everything has to be read again."""


class Enumeration:
    """One pass over the partitions of a sync.

    *window* is the snapshot window that complete partitions belong to, if one is open, *missing* are the
    partitions with records that another read has to miss. *mapping* is the fingerprint of what *mapper* does.
    *sink* gets every mapped page, *between* is called after each page, when progress may be committed, *save*
    when it has to; what *check* raises ends the pass early. *before* is an earlier pass of the same run,
    which counts too.
    """

    def __init__(
        self,
        job: Job,
        options: Options,
        runtime: Runtime,
        *,
        mode: Mode,
        window: str | None,
        missing: frozenset[str] = frozenset(),
        mapper: Mapper,
        mapping: str | None,
        redactor: Redactor,
        sink: Callable[[Mapped], None],
        between: Callable[[], None],
        save: Callable[[], None],
        check: Callable[[], None],
        aside: Aside,
        on_wait: Callable[[str], None],
        notes: list[str],
        log: RunLog,
        hooks: Hooks = NO_HOOKS,
        before: Enumeration | None = None,
    ) -> None:
        self.job, self.options, self.runtime, self.mode, self.window = job, options, runtime, mode, window
        self.mapper, self.redactor, self.notes, self.log = mapper, redactor, notes, log
        self.sync, self.sources, self.hooks = job.sync, job.sync.sources, hooks
        self._missing = missing
        self.readings: dict[str, Reading] = {}
        self.failures: list[RunError] = []
        self.records = self.pages = self.requests = self.rejected = self.passed = self.filtered = 0
        self.rejection = ""  # why the first one was
        self.mapping_seconds = 0.0
        self.detected: Pagination | None = None
        self._sink, self._between, self._save, self._check = sink, between, save, check
        self._on_wait, self._mapping, self._aside = on_wait, mapping, aside
        self.stage, self.last_asked = "asking", ""
        self.moved = False
        self._bound: dict[str, BoundMapper] = {}
        self._feed = feed_of(self.sync)
        self._feed_mapper = Mapper(self._feed, redact=redactor.text) if self._feed else mapper
        self._functions = Functions(clock=runtime.now)
        self.vars: dict[str, Any] | None = None
        self._definition = ""
        self.ordinal = 0
        self._told: Counter[str] = Counter()
        self._anew: list[Reading] = []
        self._ended, self._under_way = 0, dict[str, Reading]()  # so that many partitions need not be counted
        if before is not None:
            self.records, self.pages = before.records, before.pages
            self.requests, self.rejected = before.requests, before.rejected
            self.passed, self.rejection = before.passed, before.rejection
            self.filtered = before.filtered
            self.vars, self.moved = before.vars, before.moved
            self.ordinal = before.ordinal  # one run, one order: what is staged last wins

    @property
    def verdicts(self) -> dict[str, End]:
        """How each partition ended, by its id."""
        unread = End(complete=False, reason="it was not read to its end")
        return {partition: reading.end or unread for partition, reading in self.readings.items()}

    @property
    def share(self) -> float | None:
        """How much has been read of all, from 0 to 1; None when that is not known."""
        if len(self.readings) == 1:
            return next(iter(self.readings.values())).share
        begun = sum(reading.share or 0.0 for reading in self._under_way.values())
        return (self._ended + begun) / len(self.readings) if self.readings else None

    @property
    def went_on_from(self) -> datetime | None:
        """When the oldest of the earlier reads began that it has finished; None when there is none."""
        began = [reading.went_on_from for reading in self.readings.values()]
        return min(filter(None, began), default=None)

    @property
    def limit_reached(self) -> bool:
        """Whether `--limit` records have been read."""
        return self.options.limit is not None and self.records >= self.options.limit

    def read(self, saved: Mapping[str, Progress], fresh: Progress) -> None:
        """Read every partition from its *saved* progress (*fresh* when there is none); raise RunError.

        An error in one of several partitions is kept in `failures`, and the others go on.
        """
        roots = context_of(self.job, self.runtime)
        if self.vars is None:
            asked = partial(
                read_vars,
                self.job,
                self.runtime,
                roots,
                self.redactor,
                self.count,
                functions=self._functions,
                hooks=self.hooks,
            )
            self.vars = self._aside.do(asked)
        roots = {**roots, "vars": self.vars}
        prove = partial(
            prove_once,
            self.job,
            self.runtime,
            roots,
            self.redactor,
            self.count,
            functions=self._functions,
            hooks=self.hooks,
        )
        self._aside.do(prove)
        self._definition = fingerprint(self.job, self.vars, self.hooks.digest)
        opened = partial(
            open_client,
            self.job,
            self.runtime,
            roots,
            self.redactor,
            self.count,
            functions=self._functions,
            hooks=self.hooks,
        )
        with opened() as client, opened(decoder="json") if self.sync.job else nullcontext(client) as asking:
            self._read_all(self.plan(saved, fresh, roots, client, asking))

    def plan(
        self,
        saved: Mapping[str, Progress],
        fresh: Progress,
        roots: Mapping[str, Any],
        client: Sender,
        asking: Sender | None = None,
    ) -> list[Reading]:
        """Make a reading for each partition; return those that have something to read.

        *asking* is for requests about exports, where they need a client of their own.
        """
        planner = Planner(
            self.job,
            self.options,
            self.runtime,
            mode=self.mode,
            window=self.window,
            missing=self._missing,
            definition=self._definition,
            mapping=self._mapping,
            client=client,
            asking=client if asking is None else asking,
            redactor=self.redactor,
            functions=self._functions,
            hooks=self.hooks,
            feed=self._feed,
            on_detect=self._detected,
            layout=self.mapper.layout,
        )
        self._plan_anew = partial(planner.anew, roots=roots)
        for reading in planner.readings(saved, fresh, roots):
            self.readings[reading.partition.id] = reading
        unread = [reading for reading in self.readings.values() if reading.end is None]
        self._ended = len(self.readings) - len(unread)
        return unread

    def _read_all(self, readings: Sequence[Reading]) -> None:
        while readings and not self.limit_reached:
            self._read_side_by_side(readings)
            readings, self._anew = self._anew, []  # whose cursors have expired

    def _read_side_by_side(self, readings: Sequence[Reading]) -> None:
        workers = min(len(readings), max((source.concurrency for source in self.sources), default=1))
        stream = interleave(((r, r.pages) for r in readings), workers=workers, check=self._check)
        with closing(stream):
            for message in stream:
                if isinstance(message, Ended):
                    self._partition_ended(message.key, message.error)
                    continue
                if isinstance(message.value, Begun):
                    self._begin(message.key, message.value)
                    continue
                self._take(message.key, message.value)
                if self.limit_reached:
                    for reading in self.readings.values():
                        if reading.end is None:
                            reading.stop(f"limited to {counted(self.options.limit or 0, 'record')}")
                    return
                self._between()

    def _begin(self, reading: Reading, begun: Begun) -> None:
        """Save that an export is being prepared: should this run end, the next one waits for the same."""
        reading.begin(begun)
        self.moved = True
        self._save()
        self.runtime.fault("job")

    def _take(self, reading: Reading, taken: Taken) -> None:
        """Map and stage one page, or as much of it as `--limit` has left."""
        records = self._wanted(taken.fetched.page.records)
        began = self.runtime.clock()
        self.stage, self.last_asked = "mapping", self.redactor.exchange("GET", taken.fetched.page.url)
        mapper = self._mapper_of(reading, feed=taken.feed)
        mapped = self._aside.do(lambda: mapper.map(records, self.ordinal))
        if taken.feed:
            mapped = as_told(mapped)
        self.ordinal = mapped.next_ordinal
        self._sink(mapped)
        self.mapping_seconds += self.runtime.clock() - began
        self.records += len(records)
        self.rejected += len(mapped.rejected)
        self.rejection = self.rejection or mapped.rejection
        self.passed += mapped.passed
        self.filtered += mapped.dropped
        self.pages += 1
        self.moved, self.stage = True, "reading"
        self._under_way[reading.partition.id] = reading
        if taken.feed:
            entries, rejected = mapped.told_count, len(mapped.rejected)
            reading.take_list(taken.fetched, mapped.watermark, entries=entries, rejected=rejected)
        else:
            reading.nameless += mapped.nameless
            reading.take(taken, mapped.progress)
        self.runtime.fault("page")

    def _wanted(self, records: Sequence[Any]) -> Sequence[Any]:
        limit = self.options.limit
        return records if limit is None else records[: max(0, limit - self.records)]

    def _mapper_of(self, reading: Reading, *, feed: bool) -> BoundMapper:
        name = reading.partition.id
        if feed:
            return self._feed_mapper.bind(name, reading.context)
        bound = self._bound.get(name)
        if bound is None:
            mapped = self.hooks.record_mapper(reading.context) if self.hooks.has("map_record") else None
            bound = self._bound[name] = self.mapper.bind(
                name, reading.context, since=reading.since, hook=mapped
            )
        return bound

    def _partition_ended(self, reading: Reading, error: BaseException | None) -> None:
        """Note how a partition ended: one that fails keeps its records, and the others go on."""
        self._bound.pop(reading.partition.id, None)
        self._under_way.pop(reading.partition.id, None)
        self._ended += 1
        if error is None and reading.goes_on():
            self._ended -= 1
            self._anew.append(reading)
            return
        if error is None:
            reading.finish()
            return
        if isinstance(error, JobFailed):
            reading.forget_job()
            self.moved = True
        ending = ending_of(error, reading, self.sync)
        if ending == "fatal" or not isinstance(error, RunError):
            raise error
        if ending == "expired":
            self._start_over(reading, error.message)
        elif ending == "skipped":
            reading.skip(error.message)
            self._tell("skipped", error.message)
        elif ending == "orphaned":
            self.log.tell("warning", error.message)
            reading.stop(f"{error.message}, although its parent is live", hint_of_orphan(self.sync))
        else:
            self.failures.append(error)
            self.log.tell("error", error.message)
            reading.stop(error.message)

    def _start_over(self, reading: Reading, reason: str) -> None:
        """Read a partition whose cursor has expired from its beginning, keeping records (R15, R16).

        Where a complete read finds what vanished, one of all partitions does it: raise CursorExpired. So it
        does where changes come newest first: what was staged would count more than what is read again.
        """
        if not self.sources or finds_missing(self.sync) or self.sync.newest_first:
            raise CursorExpired(reason)
        anew = self._plan_anew(reading)
        self._ended -= 1
        self.readings[reading.partition.id] = anew
        self._anew.append(anew)
        self.moved = True
        self._tell("the cursor has expired, its partition is read again", reason)

    def _tell(self, what: str, reason: str) -> None:
        """Note what became of a partition, unless that was said of many."""
        self._told[what] += 1
        if self._told[what] <= _TOLD:
            self.notes.append(f"{what}: {reason}")
        elif self._told[what] == _TOLD + 1:
            self.notes.append(f"{what}: more of them")

    def _detected(self, pagination: Pagination, reason: str) -> None:
        self.detected = pagination
        note = f"pagination detected: {pagination.kind} ({reason})"
        if note not in self.notes:
            self.notes.append(note)

    def count(self, exchange: Exchange) -> None:
        """Count and log a request."""
        self.requests += 1
        self.last_asked = f"{exchange.method} {exchange.url}"
        self.log.request(exchange)
        if exchange.again:
            self._on_wait(exchange.again)
        if exchange.warning and all(exchange.warning not in note for note in self.notes):
            self._tell("warning", exchange.warning)
