"""As much of curl as the document's commands use, for machines without one."""

import argparse
import sys
import urllib.error
import urllib.request


def main() -> None:
    """Ask, and print the body whatever the status."""
    parser = argparse.ArgumentParser(prog="curl")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-d", dest="data")
    parser.add_argument("url")
    asked = parser.parse_args()
    request = urllib.request.Request(  # noqa: S310  the tests' own server
        asked.url,
        data=None if asked.data is None else asked.data.encode(),
        headers=dict(line.split(": ", 1) for line in asked.headers),
        method=asked.method,
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as answer:
            body = answer.read()
    except urllib.error.HTTPError as refused:
        body = refused.read()
    sys.stdout.buffer.write(body)


if __name__ == "__main__":
    main()
