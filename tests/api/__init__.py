"""A loopback HTTP server that answers as a test says and remembers what it was asked.

    with Api() as api:
        api.on("GET /items", json={"items": [1, 2]})
        ...                                             # send requests to api.url + "/items"
        assert api.requests[0].params == {"page": "1"}

Answers for the same place queue up: each is given once (or `times`), the last one for ever.

    api.on("GET /items", status=503, headers={"Retry-After": "1"}, times=2).on("GET /items", json=[])
    api.on("GET /items?page=2", json=[])                # only when the query has page=2
    api.on("GET /items", lambda request: Answer(json=request.params))
    api.on("GET /slow", delay=5)                        # says nothing for five seconds
    api.on("GET /drip", json=[1, 2], drip=0.1)          # a byte of body each 0.1 s
    api.on("GET /cut", json=[1, 2], truncate=3)         # 3 bytes of body, then the connection ends
    api.on("GET /gone", reset=True)                     # the connection is reset without an answer
    api.on("GET /zip", json=[1, 2], compress="gzip")    # gzip, deflate, br, zstd
    api.on("GET /old", redirect="/new")                 # 302, or the status given
"""

from tests.api.messages import Answer, Received
from tests.api.server import Api

__all__ = ["Answer", "Api", "Received"]
