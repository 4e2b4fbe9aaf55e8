"""Where the files that travel with the program are: built-in connectors and JSON Schemas."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """Return the folder *name* (`connectors`, `schemas`): of the source tree, else of the installed package.

    An editable install runs from the source tree: its own folders count, not copies that a build left.
    Raise FileNotFoundError when the installation lacks it.
    """
    return find_folder(name, _PACKAGE)


def find_folder(name: str, package: Path) -> Path:
    """Return the folder *name* that belongs to the program whose code is in *package*."""
    root = package.parent.parent
    if package.parent.name == "runner" and (root / "pyproject.toml").is_file() and (root / name).is_dir():
        return root / name
    bundled = package / "_data" / name
    if bundled.is_dir():
        return bundled
    raise FileNotFoundError(f"this installation lacks its folder '{name}'; install syncrun again")
