"""DuckDB's module that encrypts what it writes: httpfs, which brings OpenSSL. Nothing is downloaded."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from syncrun.stores.types import quote_text

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_PACKAGE = "duckdb_extension_httpfs"  # what `pip install syncrun[encryption]` brings


def load_cipher(db: DuckDBPyConnection) -> bool:
    """Load the module that is installed for this version of DuckDB, and return whether there is one."""
    import duckdb

    for source in ("httpfs", *_packaged(f"v{duckdb.__version__}")):
        try:
            db.execute(f"LOAD {source}")
        except duckdb.Error:  # not installed, or for another version
            continue
        return True
    return False


def _packaged(version: str) -> list[str]:
    spec = find_spec(_PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    files = [Path(folder, "extensions", version, "httpfs.duckdb_extension") for folder in folders or ()]
    return [quote_text(str(file)) for file in files if file.exists()]
