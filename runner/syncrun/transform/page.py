"""One page of records on its way to staged lines: the loop that every record of every run goes through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any

from syncrun.errors import EvaluationError, HookError, RunError
from syncrun.expressions.compile import is_true
from syncrun.transform.canonical import RowText, dump
from syncrun.transform.identity import content_hash
from syncrun.transform.invalid import Invalid, describe
from syncrun.transform.row import Written

if TYPE_CHECKING:
    from syncrun.decoders.narrow import NarrowRecords
    from syncrun.transform.fields import BoundFields
    from syncrun.transform.mapping import Mapper
    from syncrun.transform.members import MemberMapping

Scope = Any
"""What the expressions of a record see: the record, or with `explode` the record and one element."""


@dataclass(frozen=True, slots=True)
class Form:
    """How records are read: the mapping, and whether they are flagged as deleted and belong to the model."""

    rows: BoundFields | MemberMapping
    flag: Callable[[Scope], Any] | None
    where: Callable[[Scope], Any] | None

    @property
    def takes_all(self) -> bool:
        """Whether every record is mapped."""
        return self.flag is None and self.where is None


Chosen = tuple[Callable[[Scope], Written], Scope, Any]
"""What maps a record, the record as that takes it, and as it was received."""


class Page:
    """The lines and counts of one page, as they grow; see `transform.mapping.Mapped` for what they are."""

    def __init__(
        self,
        mapper: Mapper,
        form: Form,
        *,
        partition: str,
        since: Any,
        ordinal: int,
        hook: Callable[[Any], Sequence[Any]] | None = None,
    ) -> None:
        self._mapper = mapper
        self._form = form
        self._partition = partition
        self._place, self._raw = dump(partition), mapper.sync.raw
        self._since, self._hook = since, hook
        self._narrow: NarrowRecords | None = None
        self._first = 0
        self.ordinal = ordinal
        self.text = bytearray()
        self.count = 0
        self.rejected: list[bytes] = []
        self.cursors: list[Any] = []
        self.rows = self.dropped = self.deleted = self.unmoved = self.nameless = 0

    def take(self, records: Sequence[Any]) -> None:
        """Map *records*; raise RunError for the first bad one under `on_invalid: fail`."""
        mapper, form = self._mapper, self._form
        plain = mapper.check is None and mapper.explode is None and self._hook is None and not mapper.parts
        if plain and form.takes_all:
            self._write(zip(repeat(form.rows.write), records, records))
        else:
            scopes = zip(records, records, strict=True) if plain else self._scopes(records)
            self._write(self._chosen((form, scope, record) for scope, record in scopes))

    def take_narrow(self, records: NarrowRecords, laid_out: Form) -> None:
        """Do the same with records of which only what is mapped was read; they are read by *laid_out*."""
        self._narrow, self._first = records, self.ordinal
        if laid_out.takes_all and None not in records.laid_out:
            self._write(zip(repeat(laid_out.rows.write), records.laid_out, repeat(None)))
        else:
            scopes = enumerate(records.laid_out)
            forms = ((self._form, records[n], None) if s is None else (laid_out, s, None) for n, s in scopes)
            self._write(self._chosen(forms))

    def _write(self, chosen: Iterable[Chosen]) -> None:
        """Stage what is *chosen*, and reject what of it is invalid: the loop of every record of every run."""
        place, since, raw, occurrences = self._place, self._since, self._raw, self._mapper.occurrences
        text, cursors, text_of = self.text, self.cursors, RowText().of
        for write, scope, record in chosen:
            try:
                key, cursor, content, staged = write(scope)
                if cursor is not None:
                    cursors.append(cursor)
                    if since is not None and self._is_before(cursor):
                        # read only because the API cannot filter: known, and unchanged as its cursor says
                        self.unmoved += 1
                        self._mark(key, "S")
                        self.ordinal += 1
                        continue
                fields: Any = text_of(content)  # bytes, or memory that the next record takes over
                digest = content_hash(fields)
                if staged is not None:
                    fields = dump(staged)
                if key is None:
                    key = occurrences.identify(digest, self._partition)
                if raw:
                    fields = fields + b',"r":' + dump(self._mapper.concealer.hide(record))
                text += b'{"i":%d,"p":%b,"a":"U","h":"%b","k":%b,"f":' % (
                    self.ordinal,
                    place,
                    digest,
                    dump(key),
                )
                text += fields
                text += b"}\n"
                self.rows += 1
                self.count += 1
            except Invalid as problem:
                self._reject(problem, [scope], record)
            self.ordinal += 1

    def _chosen(self, records: Iterable[tuple[Form, Scope, Any]]) -> Iterator[Chosen]:
        """Yield those of *records* that are to be mapped; stage what it means that the others are not."""
        for form, scope, record in records:
            try:
                belongs = self._belongs(form, scope)
            except Invalid as problem:
                self._reject(problem, [scope], record)
                belongs = False
            if belongs:
                yield form.rows.write, scope, record
            else:
                self.ordinal += 1

    def _is_before(self, cursor: Any) -> bool:
        # A saved cursor of another kind says nothing.
        return self._since.__class__ is cursor.__class__ and bool(cursor < self._since)

    def _belongs(self, form: Form, scope: Scope) -> bool:
        """Tell whether *scope* is to be mapped; else stage what its absence means. Raise Invalid."""
        if form.flag is not None and is_true(_evaluate(form.flag, scope, "deletes.flag")):
            self._delete(form, scope)
            return False
        if form.where is not None and not is_true(_evaluate(form.where, scope, "where")):
            # fetched, but not part of the model: if it is stored, it has left
            self._mark(self._identify(form, scope), "D")
            self.dropped += 1
            return False
        return True

    def _delete(self, form: Form, scope: Scope) -> None:
        key = self._identify(form, scope)
        if key is None and self._mapper.sync.key_fields:
            raise Invalid("the record is flagged as deleted, but its key is null or invalid")
        self._mark(key, "D")
        self.deleted += 1

    def _identify(self, form: Form, scope: Scope) -> str | None:
        key, cursor = form.rows.identify(scope)
        if cursor is not None:
            self.cursors.append(cursor)
        return key

    def _mark(self, key: str | None, action: str) -> None:
        if key is not None:
            self.text += dump({"i": self.ordinal, "p": self._partition, "k": key, "a": action}) + b"\n"
            self.count += 1

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
                    self._identify(self._form, one)  # no rows, but its cursor counts
            parts = self._mapper.parts
            for scope in scopes:
                if parts is None:
                    yield scope, record
                else:
                    whole = parts.merged(scope, self._form.rows.identify)
                    yield whole, whole if scope is record else record

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
        flag = self._form.flag
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
        if self._narrow is not None:  # now it is needed as a whole
            record = self._narrow[self.ordinal - self._first]
            scopes = [record]
        identified = [self._identify(self._form, scope) for scope in scopes]
        keys = [key for key in identified if key is not None]
        mapper = self._mapper
        if mapper.sync.on_invalid == "fail":
            name = f"record {keys[0]}" if keys else f"record number {self.ordinal + 1} of the run"
            hint = "without on_invalid: fail such records are set aside, and the run goes on"
            raise RunError(mapper.redact(f"{name}: {problem.sentence}"), hint=hint)
        for key in keys:
            self._mark(key, "S")
        if not keys or len(keys) < len(scopes):
            self.nameless += 1  # it may be any of those that are stored
        rejection = {
            "i": self.ordinal,
            "p": self._partition,
            "k": keys[0] if len(keys) == 1 else None,
            "reason": mapper.redact(problem.sentence),
            "path": problem.path,
            "raw": mapper.redact(_text(mapper.concealer.hide(record))),
        }
        self.rejected.append(b"%b\n" % dump(rejection))  # a copy: orjson leaves kilobytes behind each text


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
