"""Compare a wheel's files with the source tree: the package, connectors and schemas, no more and no less."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

FOLDERS = {
    "runner/syncrun": "syncrun",
    "connectors": "syncrun/_data/connectors",
    "schemas": "syncrun/_data/schemas",
}
NEEDED = ("syncrun/py.typed", "syncrun/demo/shop.yaml", "syncrun/_data/connectors/pokeapi.yaml")


def differences(wheel: Path, root: Path) -> list[str]:
    """Return what *wheel* lacks of the source tree *root*, and what it should not have."""
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    expected = {
        f"{target}/{path.relative_to(root / source).as_posix()}"
        for source, target in FOLDERS.items()
        for path in (root / source).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    problems = [
        f"missing in the wheel: {name}" for name in sorted(expected | set(NEEDED)) if name not in found
    ]
    return [*problems, *(f"should not be in the wheel: {name}" for name in sorted(found - expected))]


if __name__ == "__main__":
    sys.exit("\n".join(differences(Path(sys.argv[1]), Path(__file__).resolve().parents[1])) or 0)
