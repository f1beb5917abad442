"""What can be set at start by flags and later by `PUT /sandbox/settings`."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Tuning:
    """Behaviour knobs; times in milliseconds."""

    latency_ms: float = 0.0
    ack_delay_ms: float = 500.0
    read_share: float = 0.6
    reply_share: float = 0.05
    connect_after_ms: float = 1500.0
    webhook_retry_ms: float = 5000.0  # first pause between attempts; doubles up to 300 s
    create_window_ms: float = 50.0  # how long a failed create keeps its name busy
    save_messages: bool = True  # DATABASE_SAVE_DATA_NEW_MESSAGE

    def change(self, wanted: dict[str, Any]) -> None:
        """Apply a partial document; raises ValueError on an unknown name or a wrong type."""
        for name, value in wanted.items():
            current = asdict(self).get(name)
            if current is None:
                raise ValueError(f"unknown setting {name!r}: one of {', '.join(asdict(self))}")
            numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
            if isinstance(current, bool) != isinstance(value, bool) or (
                not isinstance(current, bool) and (not numeric or value < 0)
            ):
                raise ValueError(f"{name} must be a {type(current).__name__}, not {value!r}")
        for name, value in wanted.items():
            setattr(self, name, value)


@dataclass(frozen=True, slots=True)
class Config:
    """Fixed at start."""

    api_key: str
    host: str = "127.0.0.1"
    port: int = 0
    data_dir: Path | None = None
    seed: int | None = None
    quiet: bool = False
