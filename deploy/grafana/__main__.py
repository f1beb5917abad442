"""Write the dashboards' JSON beside this file."""

import json
from pathlib import Path

from deploy.grafana.dashboards import ALL
from deploy.grafana.panels import Dashboard

FOLDER = Path(__file__).parent / "dashboards"


def text_of(dashboard: Dashboard) -> str:
    """The file's text."""
    return json.dumps(dashboard.to_json(), indent=2) + "\n"


def main() -> None:
    """All of them."""
    for dashboard in ALL:
        (FOLDER / f"{dashboard.uid}.json").write_text(text_of(dashboard), "utf-8")


if __name__ == "__main__":
    main()
