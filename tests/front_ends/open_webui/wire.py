"""A wire between a front end and a worker: it passes everything on as it is, and writes down what went over it.

In: the worker's address. Out: an address to give to the front end, and the list of exchanges.
"""

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

# Of one connection, so not passed on (RFC 9110 section 7.6.1); the length is counted anew.
HOP = {"host", "connection", "keep-alive", "transfer-encoding", "content-length", "upgrade", "te"}


@dataclass
class Exchange:
    """One request and what came back."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    status: int = 0
    answer: str = ""
    # Pieces that the answer came in.
    pieces: int = 0
    done: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def messages(self) -> list[dict]:
        """The messages of a completion."""
        return (self.body or {}).get("messages", []) if isinstance(self.body, dict) else []

    @property
    def last(self) -> str:
        """The text of the last message."""
        content = self.messages[-1].get("content") if self.messages else ""
        return content if isinstance(content, str) else json.dumps(content)

    @property
    def companion(self) -> dict:
        """Our object in the answer: of the body, or of the last chunk that has one."""
        found = {}
        for line in self.answer.splitlines():
            with contextlib.suppress(ValueError):
                value = json.loads(line.removeprefix("data: "))
                found = value.get("companion") or found if isinstance(value, dict) else found
        return found


class Wire:
    """A running wire."""

    def __init__(self, worker: str) -> None:
        self.worker = worker.rstrip("/")
        self.exchanges: list[Exchange] = []
        self.url = ""

    @contextlib.asynccontextmanager
    async def running(self):
        """Listens on a free port of this machine until the block ends."""
        # No time limit of its own, and nothing unpacked: both are the front end's business.
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as self._client:
            app = web.Application(client_max_size=16 * 1024 * 1024)
            app.router.add_route("*", "/{path:.*}", self._pass_on)
            runner = web.AppRunner(app, shutdown_timeout=1)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            try:
                yield self
            finally:
                await runner.cleanup()

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = json.loads(raw) if raw else None
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP}
        exchange = Exchange(request.method, request.path_qs, headers, body)
        self.exchanges.append(exchange)
        try:
            async with self._client.request(
                request.method, self.worker + request.path_qs, headers=headers, data=raw or None
            ) as answer:
                exchange.status = answer.status
                back = {name: value for name, value in answer.headers.items() if name.lower() not in HOP}
                response = web.StreamResponse(status=answer.status, headers=back)
                await response.prepare(request)
                async for piece in answer.content.iter_any():
                    exchange.answer += piece.decode(errors="replace")
                    exchange.pieces += 1
                    await response.write(piece)
                await response.write_eof()
                return response
        finally:
            exchange.done.set()
