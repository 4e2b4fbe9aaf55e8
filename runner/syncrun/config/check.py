"""What must hold between the parts of a connector file: names exist, models differ, hosts are safe."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import urlsplit

from syncrun.config.base import YamlPath, suggest
from syncrun.config.check_absence import check_moving_list, check_within
from syncrun.config.check_cases import check_cases
from syncrun.config.check_hooks import check_hooks
from syncrun.config.check_names import check_names, check_partitions
from syncrun.config.check_setup import check_setup
from syncrun.config.inspection import Inspection
from syncrun.config.named_file import NamedFileError
from syncrun.config.record_schema import check_schema, describe_failure, find_record_schema
from syncrun.config.sync import Sync
from syncrun.errors import Problem, UsageError

_AUTH_URLS = ("token_url", "authorize_url", "device_url", "revoke_url", "url")
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://")

Check = Callable[[Inspection], Iterator[Problem]]


def check(inspection: Inspection) -> list[Problem]:
    """Return every error that can only be seen by looking at several parts of the file."""
    return [problem for one in CHECKS for problem in one(inspection)]


def check_fields(inspection: Inspection) -> Iterator[Problem]:
    """Check that key and cursor are mapped fields, and that no two fields share a column."""
    for name, sync in inspection.connector.syncs.items():
        at: YamlPath = ("syncs", name)
        names = list(sync.field_specs or {})
        if isinstance(sync.fields, list):
            yield from _check_repeats(inspection, (*at, "fields"), "field", names=sync.fields)
        else:
            yield from _check_columns(inspection, (*at, "fields"), names)
        if isinstance(sync.key, list):
            yield from _check_repeats(inspection, (*at, "key"), "key field", names=sync.key)
        used = {
            (*at, "key", *([] if isinstance(sync.key, str) else [i])): f
            for i, f in enumerate(sync.key_fields)
        }
        if sync.incremental and sync.incremental.cap is not None and sync.key is None:
            message = "cap reads records twice, so the sync needs a key"
            yield inspection.problem((*at, "incremental", "cap"), message, "add key:", key=True)
        if sync.incremental and sync.incremental.cursor:
            used[*at, "incremental", "cursor"] = sync.incremental.cursor
        if sync.incremental and sync.incremental.tie_break:
            used[*at, "incremental", "tie_break"] = sync.incremental.tie_break
        for path, field in used.items():
            yield from _check_use(inspection, path, field, sync)


def _check_use(inspection: Inspection, path: YamlPath, field: str, sync: Sync) -> Iterator[Problem]:
    specs = sync.field_specs
    if specs is None or (*path[:2], "fields") in inspection.unsure:
        return
    if field not in specs:
        where = "key" if path[2] == "key" else f"incremental.{path[3]}"
        yield inspection.problem(path, f"unknown field '{field}' in {where}", suggest(field, specs))
    elif specs[field].mask is not None:
        message = f"the field '{field}' is masked and cannot be used here"
        yield inspection.problem(path, message, "leave its mask out, or choose another field")


def _check_repeats(
    inspection: Inspection, path: YamlPath, what: str, *, names: list[str]
) -> Iterator[Problem]:
    for index, name in enumerate(names):
        if name.lower() in [other.lower() for other in names[:index]]:
            yield inspection.problem((*path, index), f"the {what} '{name}' is listed twice")


def _check_columns(inspection: Inspection, path: YamlPath, names: list[str]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(name.lower(), name)
        if other != name:
            message = f"the fields '{other}' and '{name}' are the same column: case makes no difference"
            yield inspection.problem((*path, name), message, "rename one of them", key=True)


def check_models(inspection: Inspection) -> Iterator[Problem]:
    """Check that every sync fills a model of its own."""
    first: dict[str, str] = {}
    for name, sync in inspection.connector.syncs.items():
        model = sync.model or name
        other = first.setdefault(model, name)
        if other != name:
            path, key = (("syncs", name, "model"), False) if sync.model else (("syncs", name), True)
            message = f"the syncs '{other}' and '{name}' fill the same model '{model}'"
            yield inspection.problem(path, message, "give one of them another model:", key=key)


def check_base_url(inspection: Inspection) -> Iterator[Problem]:
    """Check that `base_url` is an http address, and that no credentials cross the network in clear (R25)."""
    connector = inspection.connector
    url = connector.base_url
    constant = url.partition("${")[0]
    scheme = _SCHEME.match(constant)
    if ("base_url",) in inspection.unsure or (not scheme and constant != url):
        return
    if not scheme or scheme[1].lower() not in ("http", "https") or (constant == url and not _host(url)):
        yield inspection.problem(
            ("base_url",), "base_url must be an address that starts with https:// or http://"
        )
        return
    host = _host(constant) if "/" in constant[scheme.end() :] or constant == url else ""
    if scheme[1].lower() == "http" and host and not connector.allow_http and _sends_credentials(inspection):
        from syncrun.http.origins import is_loopback

        if not is_loopback(host):
            message = "credentials would cross the network unencrypted: base_url is plain http"
            yield inspection.problem(("base_url",), message, "use https://, or set allow_http: true")


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def _sends_credentials(inspection: Inspection) -> bool:
    connector = inspection.connector
    if any(getattr(auth, "type", "") != "none" for auth in connector.auth_entries):
        return True
    secrets = {name for name, entry in connector.config.items() if entry.secret}
    return any(
        reference.root == "config" and (reference.member is None or reference.member in secrets)
        for text in inspection.texts
        if text.kind == "template" and text.path[0] in ("headers", "syncs")
        for reference in inspection.references(text)
    )


def check_auth_urls(inspection: Inspection) -> Iterator[Problem]:
    """Check that the addresses that auth sends secrets to are https, or on this machine (R25)."""
    for text in inspection.texts_below("auth"):
        name, url = str(text.path[-1]), text.text
        if name not in _AUTH_URLS or not url or inspection.connector.allow_http:
            continue
        scheme = _SCHEME.match(url)
        if scheme is None:
            if "${" not in url:
                message = f"{name} must be an address that starts with https://"
                yield inspection.problem(text.path, message)
        elif scheme[1].lower() != "https" and "${" not in url:
            from syncrun.http.origins import is_loopback

            if not is_loopback(_host(url)):
                message = f"credentials would cross the network unencrypted: {name} is plain {scheme[1]}"
                yield inspection.problem(text.path, message, "use https://, or set allow_http: true")


def check_hosts(inspection: Inspection) -> Iterator[Problem]:
    """Check that `allow_hosts` lists hosts."""
    for index, entry in enumerate(inspection.connector.allow_hosts):
        from syncrun.http.origins import Origins

        path: YamlPath = ("allow_hosts", index)
        host, at = (entry, path) if isinstance(entry, str) else (entry.host, (*path, "host"))
        try:
            Origins("https://host.invalid", [host])
        except UsageError as error:
            yield inspection.problem(at, error.message, error.hint)


def check_config(inspection: Inspection) -> Iterator[Problem]:
    """Check that config entries are valid JSON Schema, and that their defaults meet it."""
    for name, entry in inspection.connector.config.items():
        schema = entry.value_schema
        found = check_schema(schema)
        if found:
            yield _schema_problem(inspection, ("config", name), found)
        elif entry.default is not None:
            reason = describe_failure(schema, entry.default, secret=entry.secret)
            if reason:
                yield inspection.problem(("config", name, "default"), f"the default {reason}")


def check_record_schemas(inspection: Inspection) -> Iterator[Problem]:
    """Check that record schemas are valid, and that those in files of their own can be read (R25)."""
    for name, sync in inspection.connector.syncs.items():
        path: YamlPath = ("syncs", name, "schema")
        if isinstance(sync.json_schema, str):
            try:
                find_record_schema(sync.json_schema, inspection.project)
            except NamedFileError as error:
                yield inspection.problem(path, error.message, error.hint)
        elif sync.json_schema is not None:
            found = check_schema(sync.json_schema)
            if found:
                yield _schema_problem(inspection, path, found)


def _schema_problem(inspection: Inspection, path: YamlPath, found: tuple[YamlPath, str]) -> Problem:
    inner, message = found
    return inspection.problem((*path, *inner), f"no valid JSON Schema: {message}")


def check_deletes(inspection: Inspection) -> Iterator[Problem]:
    """Check that the keys of a delete rule go together."""
    for name, sync in inspection.connector.syncs.items():
        rule = sync.delete_rule
        if rule is None or ("syncs", name, "deletes") in inspection.unsure:
            continue
        if rule.request is not None:
            yield from _dated_deletes(inspection, name, sync)
            continue
        for key in ("records", "key", "at", "pagination"):
            if getattr(rule, key) is not None:
                message = f"deletes.{key} belongs to deletes.request, which is missing"
                yield inspection.problem(("syncs", name, "deletes", key), message, key=True)


_DATED = ("timestamp", "date", "integer", "string")


def _dated_deletes(inspection: Inspection, name: str, sync: Sync) -> Iterator[Problem]:
    """Check that `deletes.at` can be compared with the versions of records."""
    rule, incremental = sync.delete_rule, sync.incremental
    if rule is None or rule.at is None:
        return
    path: YamlPath = ("syncs", name, "deletes", "at")
    if incremental is None or incremental.cursor is None:
        message = "deletes.at is compared with incremental.cursor, which is missing"
        yield inspection.problem(path, message, hint="name the field that a change moves, or leave at out")
        return
    spec = (sync.field_specs or {}).get(incremental.cursor)
    if incremental.type is None and (spec is None or spec.type not in _DATED):
        message = f"deletes.at is compared with {incremental.cursor}, whose type is not declared"
        hint = f"give {incremental.cursor} a type, such as {{path: {incremental.cursor}, type: timestamp}}"
        yield inspection.problem(path, message, hint=hint)


CHECKS: Iterable[Check] = (
    check_names,
    check_partitions,
    check_setup,
    check_fields,
    check_models,
    check_base_url,
    check_auth_urls,
    check_hosts,
    check_config,
    check_record_schemas,
    check_deletes,
    check_moving_list,
    check_within,
    check_hooks,
    check_cases,
)
