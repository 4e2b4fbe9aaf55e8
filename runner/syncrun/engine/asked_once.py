"""What the runs of one command ask only once for a connection, however many they are."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from syncrun.errors import CredentialError, RunError

if TYPE_CHECKING:
    from syncrun.http.messages import Request


class AskedOnce:
    """Remembers how each question ended; safe to share between threads.

    *wanted* says whether a request is to be sent at all.
    """

    def __init__(self, wanted: Callable[[Request], bool] | None = None) -> None:
        self.wanted = wanted or (lambda _request: True)
        self._guard = threading.Lock()
        self._asked: dict[str, _Question] = {}

    def once(self, name: str, ask: Callable[[], object]) -> None:
        """Call *ask* for the first who comes with this *name*; raise for all what it raised then."""
        with self._guard:
            question = self._asked.setdefault(name, _Question())
        with question.lock:  # others wait for the answer: none of them may read without it
            if not question.asked:
                try:
                    ask()
                except (RunError, CredentialError) as error:
                    question.failure = error
                question.asked = True
        if question.failure is not None:
            raise RunError(question.failure.message, hint=question.failure.hint)


class _Question:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.asked = False
        self.failure: RunError | CredentialError | None = None
