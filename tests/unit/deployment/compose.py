"""docker-compose.yml as Compose reads it: anchors merged, variables put in."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[3]
_VARIABLE: Final = re.compile(r"\$\$|\$\{(\w+)(?::([-?])([^}]*))?\}")


def load_compose(variables: Mapping[str, str]) -> dict[str, Any]:
    """The file with `variables` put in, or what it says where one is missing.

    Raises:
        ValueError: a variable that must be given is not; the message is the file's own.
    """
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    filled = _fill(yaml.safe_load(text), variables)
    assert isinstance(filled, dict)
    return filled


def _fill(node: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _fill(value, variables) for key, value in node.items()}
    if isinstance(node, list):
        return [_fill(value, variables) for value in node]
    if isinstance(node, str):
        return _VARIABLE.sub(lambda match: _value(match, variables), node)
    return node


def _value(match: re.Match[str], variables: Mapping[str, str]) -> str:
    if match[0] == "$$":
        return "$"
    name, kind, text = match[1], match[2], match[3]
    if variables.get(name):
        return variables[name]
    if kind == "?":
        raise ValueError(f"{name}: {text}")
    return text or ""


def seconds(duration: str) -> float:
    """`1m30s` and the like."""
    units = {"s": 1, "m": 60, "h": 3600}
    return sum(float(n) * units[unit] for n, unit in re.findall(r"([\d.]+)([smh])", duration))
