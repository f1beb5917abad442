"""docs/api.md: its commands, typed as they stand, get the answers the page promises."""

import re
import shlex
from pathlib import Path

from werkzeug.test import TestResponse

from tests.integration.api.conftest import PASSWORD, Person

PAGE = Path(__file__).parents[3] / "docs" / "api.md"


def curls() -> list[list[str]]:
    """The page's curl commands as words."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    text = "\n".join(blocks).replace("\\\n", " ")
    commands = re.findall(r"^curl .*?(?=\n(?:\n|curl|$)|\Z)", text, re.DOTALL | re.MULTILINE)
    return [shlex.split(command, comments=True) for command in commands]


def run(owner: Person, words: list[str], token: str) -> TestResponse:
    """As curl would, with the variables filled in."""
    filled = [
        word.replace("$BASE", "")
        .replace("$KEY", owner.key)
        .replace("$TOKEN", token)
        .replace("owner@rapidflow.local", owner.email)
        .replace("…", PASSWORD)
        for word in words
    ]
    path = next(word for word in filled if word.startswith("/api/"))
    headers = dict(filled[at + 1].split(": ", 1) for at, word in enumerate(filled) if word == "-H")
    body = filled[filled.index("-d") + 1] if "-d" in filled else None
    method = filled[filled.index("-X") + 1] if "-X" in filled else ("POST" if body else "GET")
    data = body.encode() if body else None
    return owner.client.open(path, method=method, headers=headers, data=data)


def test_the_commands_of_the_page_work_as_typed(owner: Person) -> None:
    statuses, campaign, token = [], 0, ""
    for typed in curls():
        words = [word.replace("$ID", str(campaign)) for word in typed]
        answer = run(owner, words, token)
        statuses.append(answer.status_code)
        if answer.status_code == 201:
            created = answer.get_json()
            campaign = created["campaign"]["id"]
            token = created.get("callback", {}).get("token", "")
        answer.close()
    assert statuses == [200, 201, 200, 200, 200, 200, 200, 201, 200]
