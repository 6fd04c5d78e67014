"""What else Open WebUI's page asks of a model, beyond chats with titles, tags and follow-ups. In: a person, the wire, and what
the worker keeps of this person. Out: every thing that is not as promised, one sentence each.
"""

import asyncio
from collections.abc import Callable

from page import Page
from record import Record
from wire import Exchange, Wire
from worker import Worker

MODEL = "default"
CHAT = [{"role": "user", "content": "My sister Anna lives in Lisbon."}, {"role": "assistant", "content": "How nice."}]
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class More:
    """The run and what it found."""

    def __init__(self, wire: Wire, person: Page, worker: Worker, record: Record) -> None:
        self.wire, self.person, self.worker, self.record = wire, person, worker, record
        self.problems: list[str] = []

    async def sent(self, since: int, is_it: Callable[[Exchange], bool]) -> Exchange | None:
        """What was sent since then, once it is there and answered."""
        for _ in range(50):
            for item in self.wire.exchanges[since:]:
                if item.path == "/v1/chat/completions" and is_it(item):
                    await asyncio.wait_for(item.done.wait(), 30)
                    return item
            await asyncio.sleep(0.1)
        return None

    def without_trace(self, kind: str, item: Exchange | None) -> None:
        """A prompt that no person wrote must leave nothing behind."""
        if item is None:
            self.problems.append(f"{kind}: Open WebUI did not ask")
            return
        self.record.keep(kind, item)
        if item.status != 200:
            self.problems.append(f"{kind}: refused with {item.status}: {item.answer}")
        elif item.companion.get("stored") is not False:
            self.problems.append(f"{kind}: a prompt that the person did not write is stored: {item.last[:60]!r}")

    def answered(self, kind: str, item: Exchange | None, error: str) -> None:
        """A person's message must be answered."""
        if item is not None:
            self.record.keep(kind, item)
        if error:
            self.problems.append(f"{kind}: the page shows the error {error!r}")

    async def tasks(self) -> None:
        """What buttons and the message field ask for."""
        for kind, body in {
            "autocomplete": {"prompt": "My sister", "messages": CHAT, "type": "general"},
            "queries": {"messages": CHAT, "type": "web_search"},
            "image-prompt": {"messages": CHAT},
            "emoji": {"prompt": CHAT[0]["content"]},
            "merged-replies": {"prompt": "Where is Lisbon?", "responses": ["In Portugal.", "My brother Max lives there."]},
        }.items():
            path = {"autocomplete": "auto", "image-prompt": "image_prompt", "merged-replies": "moa"}.get(kind, kind)
            since = len(self.wire.exchanges)
            await self.person.call("POST", f"/api/v1/tasks/{path}/completions", {"model": MODEL, **body})
            self.without_trace(kind, await self.sent(since, lambda _: True))

    async def own_memory(self) -> None:
        """Open WebUI's own memory reads the chat again; its summary of a chat."""
        since, told = len(self.wire.exchanges), None
        for text in ("My horse is called Ulf.", "He is old.", "He likes apples."):
            told = await self.person.say(text, MODEL, told)
        is_review = lambda item: item.last.startswith("Review the completed conversation turn")  # noqa: E731
        self.without_trace("memory-review", await self.sent(since, is_review))
        since = len(self.wire.exchanges)
        await self.person.call("POST", f"/api/v1/chats/{told.chat}/compact", {"model": MODEL})
        self.without_trace("compaction", await self.sent(since, lambda item: "Being Compacted" in item.last))

    async def unusual_messages(self) -> None:
        """A message in a temporary chat, with a document, with a picture; long instructions; going on with a reply."""
        person = self.person
        since = len(self.wire.exchanges)
        await person.whisper("My friend Zed lives in Kiel.", MODEL)
        self.without_trace("temporary", await self.sent(since, lambda item: item.last.startswith("My friend Zed")))

        notes = "My sister Carla lives in Rome.\n\nMy name is Robert.\n"
        short = await person.upload("notes.txt", notes)
        long = await person.upload("diary.txt", notes + "So it goes on. " * 300)
        for kind, text, more in (
            ("document", "What do the notes say?", {"files": [short]}),
            ("long-document", "What does the diary say?", {"files": [long]}),
            ("picture", "What is this?", {"files": [{"type": "image", "url": PIXEL}]}),
            ("instructions", "Hello.", {"messages": [{"role": "system", "content": "Be a pirate. " * 350}]}),
        ):
            since = len(self.wire.exchanges)
            told = await person.say(text, MODEL, **more)
            self.answered(kind, await self.sent(since, lambda item: item.body.get("stream") is True), told.error)
        if any("notes.txt" in said or "diary.txt" in said for said in await self.worker.said()):
            self.problems.append("document: Open WebUI's instructions and the document are kept as the person's words")

        told = await person.say("Tell me a story.", MODEL)
        since = len(self.wire.exchanges)
        further = await person.go_on(told, MODEL)
        self.answered("continue", await self.sent(since, lambda item: item.body.get("stream") is True), further.error)


async def more(wire: Wire, person: Page, worker: Worker, record: Record) -> list[str]:
    """All of it; what is not as promised."""
    run = More(wire, person, worker, record)
    await run.tasks()
    await run.own_memory()
    await run.unusual_messages()
    return run.problems
