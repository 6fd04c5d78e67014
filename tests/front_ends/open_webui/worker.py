"""The worker as a server with an API key sees it: what it keeps of a user whom Open WebUI calls by this id."""

import asyncio
import time

import aiohttp

USER_HEADER = "X-OpenWebUI-User-Id"


class Worker:
    """The worker's own API, for one user."""

    def __init__(self, http: aiohttp.ClientSession, url: str, key: str, user: str) -> None:
        self._http, self._url = http, url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}", USER_HEADER: user}

    async def _get(self, path: str) -> dict:
        async with self._http.get(self._url + path, headers=self._headers) as answer:
            text = await answer.text()
            assert answer.status == 200, f"the worker answers {answer.status} to {path}: {text[:300]}"
            return await answer.json()

    async def memories(self) -> list[str]:
        """Texts of what it remembers."""
        return [memory["text"] for memory in (await self._get("/api/v1/memories"))["memories"]]

    async def await_memory(self, fragment: str, within: float = 30) -> None:
        """Waits for a memory: the job that looks for facts runs after the reply."""
        deadline = time.monotonic() + within
        memories = await self.memories()
        while not any(fragment in text for text in memories):
            assert time.monotonic() < deadline, f"no memory with {fragment!r} after {within} s, but {memories}"
            await asyncio.sleep(0.3)
            memories = await self.memories()

    async def said(self) -> list[str]:
        """All that it keeps as this user's words."""
        texts = []
        for conversation in (await self._get("/api/v1/conversations?limit=100"))["conversations"]:
            path = f"/api/v1/conversations/{conversation['id']}/messages?limit=100"
            texts += [message["text"] for message in (await self._get(path))["messages"] if message["role"] == "user"]
        return texts
