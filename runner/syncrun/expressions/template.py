"""Templates (interim)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from syncrun.expressions.compile import parse


@lru_cache(maxsize=4096)
def parse_template(text: str) -> Any:
    for match in re.finditer(r"\$\{(.*?)\}", text):
        parse(match[1])
    return text
