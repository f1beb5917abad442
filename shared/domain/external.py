"""What an external workflow's word about a contact does to its message."""

from typing import Final, Literal

Said = Literal["sent", "error"]

#: Outcomes that a later word replaces: a send after an error is good news, a doubt is settled.
_REPLACES: Final[dict[Said, frozenset[str]]] = {
    "sent": frozenset({"pending", "failed", "in_doubt"}),
    "error": frozenset({"pending", "in_doubt"}),
}
#: Settled before; taken back before the new outcome is counted.
_SETTLED: Final = frozenset({"failed", "in_doubt"})


def changes(status: str, said: Said) -> bool:
    """Whether a message of this status becomes what the workflow says; repeats change nothing."""
    return status in _REPLACES[said]


def is_settled(status: str) -> bool:
    """Whether the message was counted with an outcome that has to be taken back first."""
    return status in _SETTLED
