"""What went wrong in a hook, in one sentence with the line of the hook's file."""

from __future__ import annotations

import traceback

from syncrun.excerpts import excerpt

_LONGEST = 500


def failure(error: BaseException, name: str, path: str) -> tuple[str, str]:
    """Return `hooks/acme.py:14` and `KeyError: 'x'` for *error*, which the file *name* at *path* raised.

    The line is the last one of the file that was reached, also when a library raised.
    """
    if isinstance(error, SyntaxError) and error.filename == path:
        return f"{name}:{error.lineno or 1}", f"SyntaxError: {error.msg}"
    frames = traceback.walk_tb(error.__traceback__)
    lines = [number for frame, number in frames if frame.f_code.co_filename == path]
    place = f"{name}:{lines[-1]}" if lines else name
    told = " ".join(_text(error).split())
    told = excerpt(told, _LONGEST)
    return place, f"{type(error).__name__}: {told}" if told else type(error).__name__


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - an exception of the user's own that cannot even be shown
        return ""
