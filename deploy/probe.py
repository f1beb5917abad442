"""`python -m deploy.probe [URL]`: exit code 0 if it answers 200, for a container's health check.

Standard library only, as it runs every few seconds in every container. Without a URL it asks the
API or gateway of this container whether it is alive.
"""

import os
import sys
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

_SECONDS: Final = 4.0
_TOKEN_FILES: Final = ("METRICS_TOKEN_FILE", "RAPIDFLOW_METRICS_TOKEN_FILE")


def main(arguments: list[str]) -> int:
    """0: well; 1: it does not answer, or something else than 200. The reason is printed."""
    url = arguments[0] if arguments else _default_url()
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_SECONDS)
    try:
        connection.request("GET", parts.path or "/", headers=_headers())
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        return _say(f"{url} does not answer: {error!r}", 1)
    finally:
        connection.close()
    return _say(f"{url} answers {status}", 0 if status == 200 else 1)


def _default_url() -> str:
    return f"http://127.0.0.1:{os.environ.get('PORT', '5000')}/health/live"


def _headers() -> dict[str, str]:
    """The metrics token, where this container has one: its metrics answer nobody else."""
    for name in _TOKEN_FILES:
        if path := os.environ.get(name):
            return {"Authorization": f"Bearer {Path(path).read_text('utf-8').strip()}"}
    return {}


def _say(sentence: str, code: int) -> int:
    sys.stdout.write(sentence + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
