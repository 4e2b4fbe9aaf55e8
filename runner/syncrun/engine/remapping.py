"""What a run tells about records that another mapping, or another key, has made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from syncrun.config.sync import Sync
from syncrun.engine.enumeration import Enumeration
from syncrun.engine.fingerprint import mapping_fingerprint
from syncrun.engine.job import Job
from syncrun.engine.plan import finds_missing
from syncrun.engine.start import Start
from syncrun.hooks import Hooks
from syncrun.stores.values.commit import Changes
from syncrun.stores.values.ids import ModelId
from syncrun.wording import counted

if TYPE_CHECKING:
    from syncrun.stores.base import Store


def key_of(sync: Sync) -> str | None:
    """Return the key of *sync* as it is saved; None where each run deletes what has another one."""
    if sync.incremental is None and finds_missing(sync):
        return None
    return ", ".join(sync.key_fields) or "none"


class Remapping:
    """Compares how a run of *job* maps records with how those were mapped that it starts from.

    `mapping` is the fingerprint of how it does.
    """

    def __init__(self, start: Start, job: Job, hooks: Hooks, store: Store) -> None:
        self._start, self._job = start, job
        self.mapping = mapping_fingerprint(job, hooks)
        self._mixes = start.mixes(self.mapping)
        self._finds_missing = finds_missing(job.sync)
        before, now = start.whole.key, key_of(job.sync)
        self._changed, self._live = "", 0
        if now is not None and before not in (None, now):
            self._changed = f"the key has changed from {before} to {now}: every record becomes another one"
            model = ModelId(job.id.connection, job.id.connector, job.model_name)
            self._live = store.count_live({(model.connector, model.model)}).get(model, 0)

    def before(self) -> str:
        """Return what is to be known before the run reads; empty when nothing is."""
        again = f"`syncrun run --full {self._job.id}` reads all of them again"
        kept = "those of before stay live"
        then = "a complete read deletes those of before" if self._finds_missing else kept
        if self._changed and self._start.mode == "full":
            return f"{self._changed}, and {then}"
        if self._changed:
            return f"{self._changed}; {again}, and {then}"
        if self._mixes:
            return f"the mapping has changed: records that have not changed since are as they were; {again}"
        return ""

    def after(self, read: Enumeration, changes: Changes) -> str:
        """Return what is left of before when the run has read everything, and what to do about it."""
        whole = read.mode == "full" and all(reading.done for reading in read.readings.values())
        if not self._changed or self._finds_missing or not whole:
            return ""
        left = self._live - changes.updated - changes.unchanged - changes.deleted
        if not left:
            return ""
        many = "an unknown number" if self._is_vague else counted(left, "record")
        rule = "snapshot" if self._job.sync.incremental is None else "{snapshot: {every: 30d}}"
        return (
            f"still live by the key of before: {many}; give the sync another `model` to leave them behind,"
            f" or `deletes: {rule}` to have them deleted"
        )

    @property
    def _is_vague(self) -> bool:
        """Whether the run cannot count: others fill the model too, or a part of it was read before."""
        syncs, model = self._job.connector.syncs, self._job.model_name
        shared = sum((sync.model or name) == model for name, sync in syncs.items()) > 1
        return shared or any(state.resume for state in self._start.saved.values())
