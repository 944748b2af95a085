"""How long the tests of hostile traffic may take: a little in `make test-live`, all that there is in `make test-storm`."""

import os

WHOLE = os.environ.get("STORM") == "1"


def bounded(whole: int, short: int) -> int:
    """How often something is done."""
    return whole if WHOLE else short
