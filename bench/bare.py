"""The reference: a bare HTTP client loop against the same stub, with no database and no queue."""

import asyncio
import resource
import sys
import time

import aiohttp
import orjson
import uvloop


async def _send_all(url: str, messages: int, in_flight: int) -> float:
    left = iter(range(messages))
    body = orjson.dumps({"number": "5511987654321", "text": "Olá Pessoa 1!"})
    headers = {"apikey": "k", "Content-Type": "application/json"}

    async def one(session: aiohttp.ClientSession) -> None:
        for _ in left:
            async with session.post(url, data=body, headers=headers) as answer:
                orjson.loads(await answer.read())["key"]["id"]

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        began = time.perf_counter()
        await asyncio.gather(*(one(session) for _ in range(in_flight)))
        return time.perf_counter() - began


if __name__ == "__main__":
    seconds = uvloop.run(_send_all(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
    used = resource.getrusage(resource.RUSAGE_SELF)
    sys.stdout.write(f"{seconds} {used.ru_utime + used.ru_stime}\n")
