"""Where the project file is: in the folder given, else in the nearest folder above it, as git does."""

from __future__ import annotations

from pathlib import Path

PROJECT_FILES = ("syncrun.yaml", "syncrun.yml")


def find_project_file(folder: Path) -> Path | None:
    """Return the project file in *folder* or in the nearest folder above it."""
    start = folder.absolute()
    for place in (start, *start.parents):
        for name in PROJECT_FILES:
            if (place / name).is_file():
                return (folder if place == start else place) / name
    return None
