"""The project folder that syncrun is measured with: 25 fields of nested records, declared as a user would."""

from __future__ import annotations

from pathlib import Path

FIELDS = {
    "id": ("id", "integer"),
    "created_at": ("created_at", "timestamp"),
    "updated_at": ("updated_at", "timestamp"),
    "archived": ("archived", "boolean"),
    "first_name": ("properties.first_name", "string"),
    "last_name": ("properties.last_name", "string"),
    "email": ("properties.email", "string"),
    "phone": ("properties.phone", "string"),
    "job_title": ("properties.job_title", "string"),
    "stage": ("properties.lifecycle_stage", "string"),
    "lead_score": ("properties.lead_score", "integer"),
    "revenue": ("properties.annual_revenue", "number"),
    "last_seen_at": ("properties.last_seen_at", "timestamp"),
    "company_id": ("company.id", "integer"),
    "company": ("company.name", "string"),
    "industry": ("company.industry", "string"),
    "employees": ("company.employees", "integer"),
    "city": ("company.address.city", "string"),
    "country": ("company.address.country", "string"),
    "latitude": ("company.address.location.lat", "number"),
    "longitude": ("company.address.location.lng", "number"),
    "owner": ("owner.email", "string"),
    "tags": ("tags", "json"),
    "marketing": ("consent.marketing", "boolean"),
    "channel": ("source.channel", "string"),
}

_HEAD = """\
connector: {name}
version: 1.0.0
base_url: {url}
{config}
defaults:
  records: data
  key: id
  fields:
{fields}
syncs:
"""
_SYNCS = """\
  full:
    request: {path: /contacts, params: {limit: 500}}
    pagination: {type: offset, total: total}
    deletes: {misses: 1}  # this API stands still while it is read
  cursor:
    request: {path: /contacts, params: {limit: 500}}
    pagination: {type: cursor, token: next, into: params.cursor}
  changes:
    request: {path: /contacts, params: {limit: 500, updated_since: "${cursor}"}}
    pagination: {type: cursor, token: next, into: params.cursor}
    incremental: {cursor: updated_at}
  groups:
    request: /groups
    pagination: none
    fields: {id: {path: id, type: integer}, name: {path: name, type: string}}
  members:
    for_each: {sync: groups, as: group, concurrency: 4}
    request: "/groups/${group.id}/contacts"
    pagination: none
"""
_SMALL = """\
  kind_{number}:
    request: /small/{number}
    pagination: none
"""


def write_project(folder: Path, url: str, connections: int) -> None:
    """Write the project's files into *folder*, with so many *connections* to the connector of small syncs."""
    (folder / "connectors").mkdir(parents=True, exist_ok=True)
    fields = "".join(f"    {name}: {{path: {path}, type: {kind}}}\n" for name, (path, kind) in FIELDS.items())
    head = _HEAD.format(name="bench", url=url, config="", fields=fields)
    (folder / "connectors" / "bench.yaml").write_text(head + _SYNCS)
    account = "config: {account: {type: integer}}\nheaders: {X-Account: '${config.account}'}\n"
    head = _HEAD.format(name="small", url=url, config=account, fields=fields)
    kinds = "".join(_SMALL.format(number=number) for number in range(5))
    (folder / "connectors" / "small.yaml").write_text(head + kinds)
    accounts = "".join(
        f"  account_{n}: {{connector: small, config: {{account: {n}}}}}\n" for n in range(connections)
    )
    bench = "" if connections else "  bench: {connector: bench}\n"
    (folder / "syncrun.yaml").write_text(f"database: data.duckdb\nconnections:\n{bench}{accounts}")
