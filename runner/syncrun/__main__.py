"""The console script and `python -m syncrun`."""

from __future__ import annotations

from syncrun.cli import main

if __name__ == "__main__":
    main()
