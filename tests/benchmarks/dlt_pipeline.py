"""The same job for dlt's rest_api source, with the fastest settings that its documentation names.

Runs in an environment of its own: `python dlt_pipeline.py URL full|changes|cursor|members`. Its nearest to a
full read that finds deletions is to replace the table.
"""

from __future__ import annotations

import os
import sys
from typing import Any

os.environ |= {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "DATA_WRITER__BUFFER_MAX_ITEMS": "50000",
    "SCHEMA__NAMING": "direct",
    "EXTRACT__WORKERS": "4",
    "EXTRACT__MAX_PARALLEL_ITEMS": "20",
}

import dlt
from dlt.sources.rest_api import rest_api_source

from tests.benchmarks.row import staged

PAGE = 500
TYPES = {
    "timestamp": ("created_at", "updated_at", "last_seen_at"),
    "bigint": ("id", "lead_score", "company_id", "employees"),
    "double": ("revenue", "latitude", "longitude"),
    "bool": ("archived", "marketing"),
    "json": ("tags",),
    "text": (
        "first_name", "last_name", "email", "phone", "job_title", "stage", "company", "industry", "city",
        "country", "owner", "channel",
    ),
}  # fmt: skip


def main(url: str, mode: str) -> None:
    """Run the pipeline once, in the current folder."""
    columns = {name: {"data_type": kind} for kind, names in TYPES.items() for name in names}
    by_offset = {"type": "offset", "limit": PAGE, "total_path": "total"}
    by_cursor = {"type": "cursor", "cursor_path": "next", "cursor_param": "cursor"}
    endpoint: dict[str, Any] = {"path": "contacts", "data_selector": "data", "params": {"limit": PAGE}}
    contacts: dict[str, Any] = {
        "name": "contacts",
        "primary_key": "id",
        "columns": columns,
        "max_table_nesting": 0,
        "endpoint": endpoint,
        "processing_steps": [{"map": staged}],
        "write_disposition": "merge" if mode == "changes" else "replace",
    }
    resources = [contacts]
    if mode == "full":
        endpoint |= {"paginator": by_offset, "params": {}}
    elif mode in ("cursor", "changes"):
        endpoint["paginator"] = by_cursor
    if mode == "changes":
        endpoint["incremental"] = {
            "start_param": "updated_since", "cursor_path": "updated_at", "initial_value": "",
        }  # fmt: skip
    if mode == "members":
        one_page = {"data_selector": "data", "paginator": "single_page"}
        resources.append({"name": "groups", "endpoint": {"path": "groups", **one_page}})
        contacts |= {
            "endpoint": {"path": "groups/{resources.groups.id}/contacts", **one_page},
            "parallelized": True,
        }
    source = rest_api_source({"client": {"base_url": url}, "resources": resources})
    destination = dlt.destinations.duckdb("data.duckdb")
    pipeline = dlt.pipeline("bench", destination=destination, dataset_name="bench", pipelines_dir=".dlt")
    pipeline.run(source, loader_file_format="parquet")


if __name__ == "__main__":
    main(*sys.argv[1:])
