"""Everything there is to tell."""

import json
from collections.abc import Mapping
from typing import Any


def render(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode("ascii")
