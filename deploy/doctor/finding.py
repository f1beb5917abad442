"""What one check found."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: `fix` says what to do where it did not pass."""

    check: str
    ok: bool
    found: str
    fix: str = ""


Check = Callable[[Settings], Iterator[Finding]]
