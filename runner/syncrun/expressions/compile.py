"""Parse JMESPath (interim)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jmespath.exceptions
import jmespath.parser

from syncrun.errors import ExpressionError


@lru_cache(maxsize=4096)
def parse(text: str) -> Any:
    try:
        return jmespath.parser.Parser().parse(text).parsed
    except jmespath.exceptions.JMESPathError as error:
        raise ExpressionError(str(error), text=text) from None
