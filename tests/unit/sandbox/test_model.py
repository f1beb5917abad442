"""The model beside the provider answers in OpenAI's shapes."""

from typing import Any

import pytest

from tests.unit.sandbox.harness import KEY, Lab, run

ASK = {
    "model": "gpt-4o",
    "messages": [
        {"role": "system", "content": "Escreva.\n\n<regras>\nOlá {{nome}}!\n</regras>"},
        {"role": "user", "content": '<dados>\n{"nome": "Ana"}\n</dados>'},
    ],
}


async def ask(lab: Lab, path: str, body: Any = None, key: str = KEY) -> tuple[int, Any]:
    method = "GET" if body is None else "POST"
    headers = {"Authorization": f"Bearer {key}"}
    async with lab.http.request(method, lab.url + path, json=body, headers=headers) as answer:
        return answer.status, await answer.json()


def test_it_writes_from_the_prompt_the_same_way_every_time() -> None:
    async def test(lab: Lab) -> None:
        answers = [await ask(lab, "/v1/chat/completions", ASK) for _ in range(2)]
        texts = [body["choices"][0]["message"]["content"] for _, body in answers]
        assert texts[0] == texts[1]
        assert texts[0].startswith("Olá Ana!\n")
        usage = answers[0][1]["usage"]
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0
        kept = await lab.control("GET", "/model/requests")
        assert [request["messages"] for request in kept] == [ASK["messages"]] * 2
        assert (await lab.control("GET", "/model"))["calls"] == 2

    run(test)


def test_it_refuses_in_openai_shapes() -> None:
    async def test(lab: Lab) -> None:
        assert (await ask(lab, "/v1/models"))[0] == 200
        status, body = await ask(lab, "/v1/models", key="wrong")
        assert (status, body["error"]["code"]) == (401, "invalid_api_key")
        status, body = await ask(lab, "/v1/chat/completions", {**ASK, "model": "gpt-2"})
        assert (status, body["error"]["code"]) == (404, "model_not_found")
        assert (await ask(lab, "/v1/chat/completions", {"model": "gpt-4o"}))[0] == 400
        await lab.control("PUT", "/model", {"failure": "busy", "times": 1})
        assert (await ask(lab, "/v1/chat/completions", ASK))[0] == 429
        assert (await ask(lab, "/v1/chat/completions", ASK))[0] == 200

    run(test)


@pytest.mark.parametrize("wrong", [{"failure": "x"}, {"times": -1}, {"usage": 1}, {"other": 1}])
def test_a_behaviour_it_does_not_know_is_refused(wrong: dict[str, Any]) -> None:
    async def test(lab: Lab) -> None:
        status, _ = await lab.call("PUT", "/sandbox/model", wrong)
        assert status == 400

    run(test)
