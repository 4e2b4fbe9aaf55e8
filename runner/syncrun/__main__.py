"""The console script and `python -m syncrun`."""

from __future__ import annotations

import os
import sys

from syncrun.cli import main

# Looking for plug-ins of pydantic, and importing the command line of httpx (with rich and pygments), would be
# a tenth of a short command's time; neither is of use here.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

if __name__ == "__main__":
    main()
