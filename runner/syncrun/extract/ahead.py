"""Requests that are sure to follow, sent side by side before their turn; answers are handed out in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from itertools import islice

from syncrun.http.messages import Request, Response


class Ahead:
    """Sends what is planned, some requests at a time; no more answers wait in memory.

    An answer counts only when its turn comes: what is planned in vain changes nothing, nor does its failure.
    """

    def __init__(self, send: Callable[[Request], Response]) -> None:
        self._send = send
        self._width = 1
        self._planned: Iterator[Request] = iter(())
        self._sent: deque[tuple[Request, Future[Response]]] = deque()

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way."""
        return not self._sent

    def plan(self, requests: Iterator[Request], width: int = 1) -> None:
        """Begin to send *requests*, *width* at a time, and forget what was planned before."""
        self._sent.clear()
        self._planned, self._width = requests, width
        self._fill()

    def take(self, request: Request) -> Response:
        """Return the answer to *request*, whose turn it is; raise what sending it raises.

        A request that is not the next of the plan ends the plan: the pages are not what they seemed to be.
        """
        if self._sent and self._sent[0][0] == request:
            _, answer = self._sent.popleft()
            self._fill()
            return answer.result()
        self.plan(iter(()))
        return self._send(request)

    def _fill(self) -> None:
        for request in islice(self._planned, self._width - len(self._sent)):
            answer: Future[Response] = Future()
            self._sent.append((request, answer))
            # daemons: a request that hangs must not keep the process from ending
            threading.Thread(target=self._answer, args=(request, answer), name="ahead", daemon=True).start()

    def _answer(self, request: Request, answer: Future[Response]) -> None:
        try:
            answer.set_result(self._send(request))
        except BaseException as error:  # noqa: BLE001 - it is raised when the turn of the request comes
            answer.set_exception(error)
