"""The floor: only turning the same bytes into Python objects, page by page. It prints the CPU seconds."""

from __future__ import annotations

import gc
import sys
import time

import orjson

from tests.benchmarks import records


def main(count: int) -> None:
    """Decode the pages of *count* records, not counting how long it takes to make them."""
    gc.disable()
    spent = 0.0
    for number in range(count // records.PAGE):
        body = b'{"data":[%s]}' % records.page(number, "base")
        started = time.process_time()
        orjson.loads(body)
        spent += time.process_time() - started
    sys.stdout.write(f"{spent:.6f}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
