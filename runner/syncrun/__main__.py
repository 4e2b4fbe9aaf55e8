"""The console script and `python -m syncrun`."""

from __future__ import annotations

import atexit
import gc
import os
import sys

# Importing makes a hundred thousand objects and hardly any cycles. Looking for some again and again would be
# a tenth of a short command's time, and so would looking once more at its end, when all goes anyway.
gc.set_threshold(200_000, 10, 10)
atexit.register(gc.freeze)

from syncrun.cli import main  # noqa: E402 - the above is for this, too

# Looking for plug-ins of pydantic, and importing the command line of httpx (with rich and pygments), would be
# a tenth of a short command's time; neither is of use here.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

if __name__ == "__main__":
    main()
