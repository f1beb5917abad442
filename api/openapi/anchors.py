"""Names for places in a page."""

import re


def anchor_of(text: str) -> str:
    """Letters, digits and hyphens, for an address."""
    return re.sub(r"\W+", "-", text.lower()).strip("-")
