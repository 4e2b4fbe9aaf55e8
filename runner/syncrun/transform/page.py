"""One page of records on its way to staged lines: the loop that every record of every run goes through."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from syncrun.errors import EvaluationError, HookError, RunError
from syncrun.expressions.compile import is_true
from syncrun.transform.canonical import dump, dump_row
from syncrun.transform.identity import content_hash
from syncrun.transform.invalid import Invalid, describe

if TYPE_CHECKING:
    from syncrun.transform.fields import BoundFields
    from syncrun.transform.mapping import Mapper
    from syncrun.transform.members import MemberMapping

Scope = Any
"""What the expressions of a record see: the record, or with `explode` the record and one element."""


class Page:
    """The lines and counts of one page, as they grow; see `transform.mapping.Mapped` for what they are."""

    def __init__(
        self,
        mapper: Mapper,
        mapping: BoundFields | MemberMapping,
        *,
        partition: str,
        since: Any,
        ordinal: int,
        hook: Callable[[Any], Sequence[Any]] | None = None,
    ) -> None:
        self._mapper = mapper
        self._mapping = mapping
        self._partition = partition
        self._place, self._raw = dump(partition), mapper.sync.raw
        self._since, self._hook = since, hook
        self.ordinal = ordinal
        self.lines: list[bytes] = []
        self.rejected: list[bytes] = []
        self.cursors: list[Any] = []
        self.rows = self.dropped = self.deleted = self.unmoved = 0

    def take(self, records: Sequence[Any]) -> None:
        """Map *records*; raise RunError for the first bad one under `on_invalid: fail`."""
        mapper = self._mapper
        plain = mapper.check is None and mapper.explode is None and self._hook is None
        judged = plain and mapper.where is None and mapper.flag is None
        for scope, record in zip(records, records, strict=True) if plain else self._scopes(records):
            try:
                if judged or self._belongs(scope):
                    self._write(scope, record)
            except Invalid as problem:
                self._reject(problem, [scope], record)
            self.ordinal += 1

    def _write(self, scope: Scope, record: Any) -> None:
        mapper = self._mapper
        key, cursor, content, staged = self._mapping.write(scope)
        if cursor is not None:
            self.cursors.append(cursor)
            if self._since is not None and self._is_before(cursor):
                # read only because the API cannot filter: known, and unchanged as far as its cursor says
                self.unmoved += 1
                self._mark(key, "S")
                return
        fields = dump_row(content)
        digest = content_hash(fields)
        if staged is not None:
            fields = dump(staged)
        if key is None:
            key = mapper.occurrences.identify(digest, self._partition)
        if self._raw:
            fields += b',"r":' + dump(mapper.concealer.hide(record))
        self.lines.append(
            b'{"i":%d,"p":%b,"a":"U","h":"%b","k":%b,"f":%b}'
            % (self.ordinal, self._place, digest.encode(), dump(key), fields)
        )
        self.rows += 1

    def _is_before(self, cursor: Any) -> bool:
        # A saved cursor of another kind says nothing.
        return self._since.__class__ is cursor.__class__ and bool(cursor < self._since)

    def _belongs(self, scope: Scope) -> bool:
        """Tell whether *scope* is to be mapped; else stage what its absence means. Raise Invalid."""
        mapper = self._mapper
        if mapper.flag is not None and is_true(_evaluate(mapper.flag, scope, "deletes.flag")):
            self._delete(scope)
            return False
        if mapper.where is not None and not is_true(_evaluate(mapper.where, scope, "where")):
            # fetched, but not part of the model: if it is stored, it has left
            self._mark(self._identify(scope), "D")
            self.dropped += 1
            return False
        return True

    def _delete(self, scope: Scope) -> None:
        key = self._identify(scope)
        if key is None and self._mapper.sync.key_fields:
            raise Invalid("the record is flagged as deleted, but its key is null or invalid")
        self._mark(key, "D")
        self.deleted += 1

    def _identify(self, scope: Scope) -> str | None:
        key, cursor = self._mapping.identify(scope)
        if cursor is not None:
            self.cursors.append(cursor)
        return key

    def _mark(self, key: str | None, action: str) -> None:
        if key is not None:
            self.lines.append(dump({"i": self.ordinal, "p": self._partition, "k": key, "a": action}))

    def _scopes(self, records: Sequence[Any]) -> Iterator[tuple[Scope, Any]]:
        """Yield (scope, record) for what is to be mapped; reject what is bad as a whole."""
        check = self._mapper.check
        for record in records:
            try:
                if check is not None and not self._is_tombstone(record):
                    check(record)
                outer = self._hooked(record)
                scopes = [scope for one in outer for scope in self._explode(one)]
            except Invalid as problem:
                self._reject(problem, self._parts(record), record)
                self.ordinal += 1
                continue
            if not outer:
                self.dropped += 1  # neither its key nor its cursor is known: the hook may have renamed both
            elif not scopes:
                for one in outer:
                    self._identify(one)  # no rows, but its cursor counts
            for scope in scopes:
                yield scope, record

    def _hooked(self, record: Any) -> Sequence[Any]:
        """Return what the hook makes of *record*; raise Invalid where it fails."""
        if self._hook is None:
            return (record,)
        try:
            return self._hook(record)
        except HookError as error:
            raise Invalid(error.message) from None

    def _is_tombstone(self, record: Any) -> bool:
        """Tell whether *record* only says that it is deleted, and so need not fit the schema."""
        flag = self._mapper.flag
        return flag is not None and is_true(_evaluate(flag, record, "deletes.flag"))

    def _explode(self, record: Any) -> list[Scope]:
        explode, spec = self._mapper.explode, self._mapper.sync.explode
        if explode is None or spec is None:
            return [record]
        elements = _evaluate(explode, record, "explode")
        if elements is None:
            return []
        if isinstance(elements, dict):  # APIs made from XML write a list of one like that
            elements = [elements]
        if not isinstance(record, dict) or not isinstance(elements, list):
            raise Invalid(f"expected a list to explode, got {describe(elements)}", spec.path)
        return [{**record, spec.name: element} for element in elements]

    def _parts(self, record: Any) -> list[Scope]:
        try:
            return self._explode(record)
        except Invalid:
            return [record]

    def _reject(self, problem: Invalid, scopes: Sequence[Scope], record: Any) -> None:
        """Quarantine *record*; what its usable keys name counts as seen."""
        keys = [key for key in map(self._identify, scopes) if key is not None]
        mapper = self._mapper
        if mapper.sync.on_invalid == "fail":
            name = f"record {keys[0]}" if keys else f"record number {self.ordinal + 1} of the run"
            hint = "without on_invalid: fail such records are set aside, and the run goes on"
            raise RunError(mapper.redact(f"{name}: {problem.sentence}"), hint=hint)
        for key in keys:
            self._mark(key, "S")
        rejection = {
            "i": self.ordinal,
            "p": self._partition,
            "k": keys[0] if len(keys) == 1 else None,
            "reason": mapper.redact(problem.sentence),
            "path": problem.path,
            "raw": mapper.redact(_text(mapper.concealer.hide(record))),
        }
        self.rejected.append(dump(rejection))


def _evaluate(expression: Callable[[Any], Any], scope: Scope, place: str) -> Any:
    try:
        return expression(scope)
    except EvaluationError as error:
        raise Invalid(error.message, place) from None


def _text(record: Any) -> str:
    try:
        return dump(record).decode()
    except Invalid:
        return repr(record)
