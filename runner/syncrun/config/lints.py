"""What is valid in a connector file and yet rarely meant: warnings, and errors with `--strict`.

A lint is a generator of warnings, listed in `LINTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from syncrun.config.base import YamlPath
from syncrun.config.check_hooks import read_hooks, stages_of
from syncrun.config.inspection import Inspection
from syncrun.config.lints_of_changes import lint_undated_deletions, lint_unordered_cap
from syncrun.config.samples import find_empty_fields
from syncrun.config.sync import Deletes, Sync
from syncrun.errors import Problem
from syncrun.secrets import is_sensitive_name

Lint = Callable[[Inspection], Iterator[Problem]]

_COUNTED = ("page", "offset")
_SECRET_KEYS = (
    "client_secret",
    "key",
    "password",
    "refresh_token",
    "secret",
    "secret_access_key",
    "session_token",
    "token",
)


def lint(inspection: Inspection) -> list[Problem]:
    """Return the warnings about a file without errors."""
    return [problem for one in LINTS for problem in one(inspection)]


def lint_two_names(inspection: Inspection) -> Iterator[Problem]:
    """Warn of a file in `connectors` that is not called as its connector: commands know it by the file's."""
    path, name = inspection.path, inspection.connector.connector
    if path is None or path.stem == name or path.absolute().parent.name != "connectors":
        return
    message = f"commands call this connector '{path.stem}' as its file, but its tables are in '{name}'"
    hint = f"call the file {name}{path.suffix}, or the connector '{path.stem}'"
    yield _warn(inspection, ("connector",), message, hint)


def lint_unused_cursor(inspection: Inspection) -> Iterator[Problem]:
    """Warn of an incremental sync that never sends its cursor, and so reads everything each time."""
    for name, sync in inspection.connector.syncs.items():
        rule = sync.incremental
        if rule is None or rule.filter == "client" or _uses(inspection, name, "cursor", "window"):
            continue
        if "before_request" in stages_of(read_hooks(inspection)[0], name):
            continue  # a hook may send it
        yield _warn(
            inspection,
            ("syncs", name, "incremental"),
            "the cursor never reaches a request, so every run reads everything",
            'send it, as in params: {since: "${cursor}"}, or set filter: client if the API cannot filter',
            key=True,
        )


def lint_cursor_without_incremental(inspection: Inspection) -> Iterator[Problem]:
    """Warn of `${cursor}` in a sync that keeps none."""
    for name, sync in inspection.connector.syncs.items():
        if sync.incremental is not None:
            continue
        for text in inspection.texts_below("syncs", name):
            if text.kind != "template":
                continue
            for reference in inspection.references(text):
                if reference.root == "cursor":
                    message = "${cursor} is always null here: the sync has no incremental"
                    hint = "add incremental: {cursor: FIELD}"
                    yield _warn(inspection, text.path, message, hint, offset=reference.offset)


def lint_missing_key(inspection: Inspection) -> Iterator[Problem]:
    """Warn of a sync without a key: a changed record is one deleted and one added."""
    for name, sync in inspection.connector.syncs.items():
        if sync.key is None:
            message = (
                f"the sync '{name}' has no key: a record is known by its whole content, and is never updated"
            )
            yield _warn(
                inspection, ("syncs", name), message, "add key: with the field that identifies it", key=True
            )


def lint_unsent_page_size(inspection: Inspection) -> Iterator[Problem]:
    """Warn of a page size that the API is not told."""
    for name, sync in inspection.connector.syncs.items():
        pagination: Any = sync.pagination
        if (
            getattr(pagination, "type", "") not in _COUNTED
            or pagination.size is None
            or pagination.size_param
        ):
            continue
        if _uses_member(inspection, name, "page", "size") or str(pagination.size) in _constants(sync):
            continue
        message = f"the page size {pagination.size} is never sent"
        yield _warn(
            inspection, ("syncs", name, "pagination", "size"), message, "add size_param: NAME", key=True
        )


def lint_impossible_snapshot(inspection: Inspection) -> Iterator[Problem]:
    """Warn of a snapshot in a sync whose requests carry the cursor: no run reads everything."""
    for name, sync in inspection.connector.syncs.items():
        rule = sync.delete_rule
        if sync.incremental is None or rule is None or rule.snapshot is not True:
            continue
        if _uses(inspection, name, "cursor", "window", below=("request",)):
            message = "this snapshot finds no deletes: requests carry the cursor, so no run reads everything"
            path: YamlPath = ("syncs", name, "deletes")
            yield _warn(inspection, path, message, "write deletes: {snapshot: {every: 7d}}", key=True)


def lint_guard_without_rule(inspection: Inspection) -> Iterator[Problem]:
    """Warn of keys about missing records in a sync that looks for none."""
    for name, sync in inspection.connector.syncs.items():
        rule = sync.deletes
        if not isinstance(rule, Deletes) or rule.finds or sync.incremental is None:
            continue
        keys = ("max_ratio", "allow_empty", "misses", "confirm", "within")
        given = [key for key in keys if key in rule.model_fields_set]
        if given:
            message = f"deletes.{given[0]} has no effect: no run of this sync looks for missing records"
            path: YamlPath = ("syncs", name, "deletes", given[0])
            yield _warn(inspection, path, message, "add snapshot: {every: 7d} to deletes", key=True)


def lint_empty_fields(inspection: Inspection) -> Iterator[Problem]:
    """Warn of a field that is null in every record of the saved samples: its path is probably wrong."""
    hooks, _ = read_hooks(inspection)
    for name, sync in inspection.connector.syncs.items():
        if stages_of(hooks, name) & {"map_record", "parse_response"}:
            continue  # the fields are those of what the hook makes of the sample
        for field, sample in find_empty_fields(inspection, name, sync):
            path: YamlPath = ("syncs", name, "fields", field)
            if isinstance(sync.fields, list):
                path = ("syncs", name, "fields", sync.fields.index(field))
            yield _warn(inspection, path, f"the field '{field}' selects nothing in the sample {sample}")


def lint_clear_secret(inspection: Inspection) -> Iterator[Problem]:
    """Warn of a secret in the file: secrets belong to connections."""
    connector = inspection.connector
    for name, entry in connector.config.items():
        if entry.secret and entry.default not in (None, ""):
            yield _warn(
                inspection, ("config", name, "default"), "a secret is written in clear", "use env: NAME"
            )
    for text in inspection.texts:
        path = text.path
        held = path[0] == "auth" and (path[-1] in _SECRET_KEYS or _is_secret_member(path))
        sent = "headers" in path[:-1] and is_sensitive_name(str(path[-1]))
        if text.kind == "template" and (held or sent) and text.text and not inspection.references(text):
            hint = 'declare it under config: with secret: true, and write "${config.NAME}" here'
            yield _warn(inspection, path, "a secret is written in clear", hint)


def _is_secret_member(path: YamlPath) -> bool:
    """Whether *path* is a member of a login or token request, with the name of a secret."""
    inside = {"json", "form", "params", "token_params", "token_headers"} & set(path[1:-1])
    return bool(inside) and is_sensitive_name(str(path[-1]))


def lint_unreachable_auth(inspection: Inspection) -> Iterator[Problem]:
    """Warn of an entry of `auth` after one that is always chosen."""
    entries = inspection.connector.auth_entries
    always = next((index for index, auth in enumerate(entries) if auth.when is None), None)
    if always is not None and always + 1 < len(entries):
        message = "this auth is never chosen: the entry before has no when"
        hint = "give that one a when:, or put it last"
        yield _warn(inspection, ("auth", always + 1), message, hint)


def lint_missing_check(inspection: Inspection) -> Iterator[Problem]:
    """Warn of credentials that nothing proves: many APIs answer a wrong key with fewer records (R34)."""
    connector = inspection.connector
    kinds = {getattr(auth, "type", "none") for auth in connector.auth_entries}
    if connector.check is not None or ("check",) in inspection.unsure or not kinds - {"none"}:
        return
    message = "nothing proves that the credentials are good: an API may answer bad ones with fewer records"
    hint = "add check: {request: /me, expect: id}, or check: none if the API has no such request"
    yield _warn(inspection, ("auth",), message, hint, key=True)


def lint_unused_config(inspection: Inspection) -> Iterator[Problem]:
    """Warn of a config entry that nothing reads, and that is asked of every connection in vain."""
    used: set[str | None] = set()
    for text in inspection.texts:
        if text.kind == "template" or text.path[0] == "auth" or text.path[-1] == "when":
            used |= {found.member for found in inspection.references(text) if found.root == "config"}
    for outline in read_hooks(inspection)[0].values():
        used |= outline.texts
    if None in used:
        return
    for name in inspection.connector.config:
        if name not in used:
            message = f"the config value '{name}' is never used"
            yield _warn(
                inspection, ("config", name), message, f"use it as ${{config.{name}}}, or remove it", key=True
            )


def lint_unused_setup(inspection: Inspection) -> Iterator[Problem]:
    """Warn of a value of `setup` that nothing reads, and that is therefore never asked for."""
    templates = [text for text in inspection.texts if text.kind == "template"]
    read = [found for text in templates for found in inspection.references(text) if found.root == "vars"]
    used = {found.member for found in read}
    for outline in read_hooks(inspection)[0].values():
        used |= outline.texts
    for name in inspection.connector.setup:
        if name not in used and None not in used:
            message = f"the value '{name}' of setup is never used"
            yield _warn(
                inspection, ("setup", name), message, f"use it as ${{vars.{name}}}, or remove it", key=True
            )


def lint_unused_hooks(inspection: Inspection) -> Iterator[Problem]:
    """Warn of a hook that is called only where `type: hook` asks for it, and nothing does."""
    files, _ = read_hooks(inspection)
    connector = inspection.connector
    for path, outline in files.items():
        syncs = list(connector.syncs.values()) if path == ("hooks",) else [connector.syncs[str(path[1])]]
        feeds = [sync.delete_rule.pagination for sync in syncs if sync.delete_rule is not None]
        asked: dict[str, list[Any]] = {"next_page": [*(sync.pagination for sync in syncs), *feeds]}
        asked["authenticate"] = [*connector.auth_entries]
        for stage, kinds in asked.items():
            if stage in outline.stages and not any(getattr(kind, "type", "") == "hook" for kind in kinds):
                key = "pagination" if stage == "next_page" else "auth"
                message = f"the hook '{stage}' is never called"
                yield _warn(inspection, path, message, f"write {key}: {{type: hook}}, or remove it")


LINTS: Sequence[Lint] = (
    lint_two_names,
    lint_unused_cursor,
    lint_cursor_without_incremental,
    lint_missing_key,
    lint_unsent_page_size,
    lint_impossible_snapshot,
    lint_guard_without_rule,
    lint_empty_fields,
    lint_clear_secret,
    lint_unreachable_auth,
    lint_missing_check,
    lint_unused_config,
    lint_unused_setup,
    lint_unused_hooks,
    lint_undated_deletions,
    lint_unordered_cap,
)


def _warn(
    inspection: Inspection,
    path: YamlPath,
    message: str,
    hint: str = "",
    *,
    key: bool = False,
    offset: int | None = None,
) -> Problem:
    return inspection.problem(path, message, hint, key=key, offset=offset, severity="warning")


def _uses(inspection: Inspection, sync: str, *roots: str, below: YamlPath = ()) -> bool:
    """Whether a template of *sync* reads one of *roots*."""
    return any(
        reference.root in roots
        for text in inspection.texts_below("syncs", sync, *below)
        if text.kind == "template"
        for reference in inspection.references(text)
    )


def _uses_member(inspection: Inspection, sync: str, root: str, member: str) -> bool:
    return any(
        reference.root == root and reference.member in (member, None)
        for text in inspection.texts_below("syncs", sync)
        if text.kind == "template"
        for reference in inspection.references(text)
    )


def _constants(sync: Sync) -> set[str]:
    """Return every plain value in the parameters, body and path of a sync's request, as text."""
    request = sync.request_spec
    found: set[str] = set()
    pending: list[Any] = [request.params, request.body, request.form]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)
        else:
            found.add(str(value))
    query = (request.path or request.url or "").partition("?")[2]
    return found | {part.partition("=")[2] for part in query.split("&")}
