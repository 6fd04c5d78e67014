"""What Open WebUI's page does in a browser, for one person: the same calls, and the same socket that hears the reply."""

import asyncio
import time
import uuid
from dataclasses import dataclass, field

import aiohttp
import socketio

# Longest that a person waits for an end, good or bad.
PATIENCE = 60

# What the page of 0.12.4 has on for every account (seen in a browser); titles and tags for the first message of a chat.
FIRST = {"title_generation": True, "tags_generation": True, "follow_up_generation": True}
LATER = {"follow_up_generation": True}
FEATURES = {"voice": False, "image_generation": False, "code_interpreter": False, "web_search": False, "memory": True}


@dataclass
class Told:
    """What a person saw of one reply."""

    chat: str
    message: str
    text: str = ""
    error: str = ""
    # How often the text on the page grew.
    growths: int = 0
    events: list[str] = field(default_factory=list)


class Page:
    """One person, signed in."""

    def __init__(self, url: str, name: str, admitted_by: "Page | None" = None) -> None:
        """The first one signs up and is the administrator, who admits everybody else."""
        self.url, self.name, self._admitted_by = url, name, admitted_by
        self.id = ""
        self._events: asyncio.Queue = asyncio.Queue()

    async def __aenter__(self) -> "Page":
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE))
        form = {"name": self.name, "email": f"{self.name.lower()}@example.com", "password": f"{self.name}-{uuid.uuid4()}"}
        if self._admitted_by:
            await self._admitted_by.call("POST", "/api/v1/auths/add", form | {"role": "user"})
            account = await self.call("POST", "/api/v1/auths/signin", form)
        else:
            account = await self.call("POST", "/api/v1/auths/signup", form)
        self.id, token = account["id"], account["token"]
        self._http.headers["Authorization"] = f"Bearer {token}"
        self._socket = socketio.AsyncClient(reconnection=False)
        self._socket.on("events", self._hear)
        await self._socket.connect(
            self.url, socketio_path="/ws/socket.io", auth={"token": token}, transports=["websocket"]
        )
        return self

    async def __aexit__(self, *_) -> None:
        await self._socket.disconnect()
        await self._http.close()

    async def _hear(self, event: dict) -> None:
        await self._events.put(event)

    async def call(self, method: str, path: str, body: dict | None = None):
        """A call of the API; what is no success is an error that shows the answer."""
        async with self._http.request(method, self.url + path, json=body) as answer:
            text = await answer.text()
            assert answer.status == 200, f"Open WebUI answers {answer.status} to {path}: {text[:500]}"
            return await answer.json()

    async def models(self) -> list[str]:
        """The models that the page offers."""
        return [model["id"] for model in (await self.call("GET", "/api/models"))["data"]]

    async def say(self, text: str, model: str, after: Told | None = None, files: list[dict] | None = None, **more) -> Told:
        """Writes a message: into a new chat, or in the chat of another reply and below it."""
        message = _message(text, model, after.message if after else None) | ({"files": files} if files else {})
        documents = [file for file in files or [] if file["type"] == "file"]
        more |= {"files": documents} if documents else {}
        return await self._ask(message, model, after.chat if after else None, more)

    async def whisper(self, text: str, model: str) -> Told:
        """Writes a message into a temporary chat, which the page does not keep."""
        message, chat = _message(text, model, None), f"temporary:{self._socket.get_sid()}"
        return await self._ask(message, model, chat, {"messages": [{"role": "user", "content": text}]}, kept=False)

    async def upload(self, name: str, text: str) -> dict:
        """Uploads a document; what a message carries of it."""
        form = aiohttp.FormData()
        form.add_field("file", text.encode(), filename=name, content_type="text/plain")
        async with self._http.post(f"{self.url}/api/v1/files/?process_in_background=false", data=form) as answer:
            assert answer.status == 200, f"Open WebUI answers {answer.status} to an upload: {await answer.text()}"
            file = await answer.json()
        deadline = time.monotonic() + PATIENCE
        while (state := (await self.call("GET", f"/api/v1/files/{file['id']}/process/status"))["status"]) != "completed":
            assert state != "failed" and time.monotonic() < deadline, f"Open WebUI does not read an upload: it is {state}"
            await asyncio.sleep(0.2)
        file = await self.call("GET", f"/api/v1/files/{file['id']}")
        return {"type": "file", "id": file["id"], "url": file["id"], "name": name, "file": file, "status": "uploaded"}

    async def regenerate(self, told: Told, model: str, hint: str = "") -> Told:
        """Has another reply made to the same message; with a hint, by the old reply and that."""
        chat = await self.chat(told.chat)
        messages = chat["chat"]["history"]["messages"]
        message = messages[messages[told.message]["parentId"]]
        more = {"regeneration_prompt": hint, "regeneration_message_id": told.message} if hint else {}
        return await self._ask(message, model, told.chat, more)

    async def go_on(self, told: Told, model: str) -> Told:
        """Has a reply continued."""
        messages = (await self.chat(told.chat))["chat"]["history"]["messages"]
        message = messages[messages[told.message]["parentId"]]
        return await self._ask(message, model, told.chat, {"assistant_message_id": told.message}, reply=told.message)

    async def chat(self, chat: str) -> dict:
        """A chat as it is kept."""
        return await self.call("GET", f"/api/v1/chats/{chat}")

    async def _ask(
        self, message: dict, model: str, chat: str | None, more: dict | None = None, reply: str = "", kept: bool = True
    ) -> Told:
        reply = reply or str(uuid.uuid4())
        body = {
            "stream": True, "model": model, "params": {"model_controls": {}}, "tool_ids": [], "tool_servers": [],
            "features": FEATURES, "variables": {"{{USER_NAME}}": self.name, "{{USER_LANGUAGE}}": "en-US"}, "chat_variables": {},
            "session_id": self._socket.get_sid(), "id": reply, "parent_id": message["parentId"], "user_message": message,
            "background_tasks": LATER if chat else FIRST, **({"chat_id": chat} if chat else {}), **(more or {}),
        }
        while not self._events.empty():
            self._events.get_nowait()
        begun = await self.call("POST", "/api/chat/completions", body)
        told = Told(begun["chat_id"], reply)
        try:
            async with asyncio.timeout(PATIENCE):
                await self._listen(told)
        except TimeoutError:
            raise AssertionError(f"the page still waits after {PATIENCE} s; it heard {told.events}") from None
        if kept:
            found = (await self.chat(told.chat))["chat"]["history"]["messages"].get(reply, {})
            told.text = found.get("content") or ""
            told.error = told.error or str((found.get("error") or {}).get("content", ""))
        return told

    async def _listen(self, told: Told) -> None:
        """Hears everything until the chat is quiet: the page shows a spinner until then."""
        seen = 0
        while True:
            event = await self._events.get()
            if event.get("chat_id") != told.chat or event.get("shared"):
                continue
            kind, data = event["data"]["type"], event["data"].get("data") or {}
            told.events.append(kind)
            if kind == "chat:message:error":
                told.error = str((data.get("error") or {}).get("content"))
            if kind in ("chat:completion", "response:completion") and event.get("message_id") == told.message:
                if data.get("error"):
                    told.error = str(data["error"])
                size = len(str(data.get("content") or data.get("output") or data.get("delta") or ""))
                told.growths += size > 0 and size != seen
                seen = size
            if kind == "chat:active" and data.get("active") is False:
                return


def _message(text: str, model: str, parent: str | None) -> dict:
    return {
        "id": str(uuid.uuid4()), "parentId": parent, "childrenIds": [], "role": "user", "content": text,
        "timestamp": int(time.time()), "models": [model],
    }
