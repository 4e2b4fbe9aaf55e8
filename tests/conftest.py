"""What holds for every test."""

from __future__ import annotations

import os
import signal

from hypothesis import settings

# How long an example takes says more about what else the machine does than about the code.
settings.register_profile("syncrun", deadline=None)
settings.load_profile("syncrun")

# Started in the background by a shell, this process ignores ^C, and so would the commands that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Commands that tests start would compile the whole package each time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
