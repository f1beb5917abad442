"""A panel and a dashboard, and the JSON Grafana reads them from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

Json = dict[str, Any]

_DATASOURCE: Final = {"type": "prometheus", "uid": "prometheus"}
_COLUMNS: Final = 24
_HEIGHTS: Final = {"stat": 4, "timeseries": 8, "table": 8}


@dataclass(frozen=True, slots=True)
class Panel:
    """`queries`: PromQL by legend. `unit` is Grafana's word: s, short, percentunit, ops, bytes."""

    title: str
    queries: Mapping[str, str]
    text: str = ""
    unit: str = "short"
    kind: Literal["stat", "timeseries", "table"] = "timeseries"
    width: int = 8
    stacked: bool = False
    warn_at: float | None = None


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Rows of panels, each with a heading."""

    uid: str
    title: str
    rows: Mapping[str, Sequence[Panel]]

    def to_json(self) -> Json:
        """What Grafana's provisioning takes."""
        panels: list[Json] = []
        y = 0
        for heading, row in self.rows.items():
            panels.append(_heading(len(panels) + 1, heading, y))
            y += 1
            x = height = 0
            for panel in row:
                if x + panel.width > _COLUMNS:
                    y, x, height = y + height, 0, 0
                panels.append(_panel(len(panels) + 1, panel, x, y))
                x += panel.width
                height = max(height, _HEIGHTS[panel.kind])
            y += height
        return {
            "uid": self.uid,
            "title": self.title,
            "tags": ["rapidflow"],
            "schemaVersion": 39,
            "editable": False,
            "graphTooltip": 1,
            "refresh": "15s",
            "time": {"from": "now-3h", "to": "now"},
            "timezone": "browser",
            "links": [{"type": "dashboards", "tags": ["rapidflow"], "title": "RapidFlow"}],
            "panels": panels,
        }


def _heading(number: int, title: str, y: int) -> Json:
    place = {"x": 0, "y": y, "w": _COLUMNS, "h": 1}
    return {"id": number, "type": "row", "title": title, "gridPos": place, "panels": []}


def _panel(number: int, panel: Panel, x: int, y: int) -> Json:
    place = {"x": x, "y": y, "w": panel.width, "h": _HEIGHTS[panel.kind]}
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.text,
        "datasource": _DATASOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _OPTIONS[panel.kind],
        "targets": [
            {
                "refId": chr(ord("A") + at),
                "datasource": _DATASOURCE,
                "expr": query,
                "legendFormat": legend,
                "instant": panel.kind == "table",
                "format": "table" if panel.kind == "table" else "time_series",
            }
            for at, (legend, query) in enumerate(panel.queries.items())
        ],
    }


def _defaults(panel: Panel) -> Json:
    steps: list[Json] = [{"color": "green", "value": None}]
    if panel.warn_at is not None:
        steps.append({"color": "orange", "value": panel.warn_at})
    defaults: Json = {
        "unit": panel.unit,
        "min": 0,
        "thresholds": {"mode": "absolute", "steps": steps},
    }
    if panel.kind == "timeseries":
        defaults["custom"] = {
            "fillOpacity": 20 if panel.stacked else 0,
            "stacking": {"mode": "normal" if panel.stacked else "none"},
            "thresholdsStyle": {"mode": "off" if panel.warn_at is None else "line"},
        }
    return defaults


_OPTIONS: Final[dict[str, Json]] = {
    "stat": {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value"},
    "timeseries": {"legend": {"displayMode": "list", "placement": "bottom"}},
    "table": {"showHeader": True},
}
