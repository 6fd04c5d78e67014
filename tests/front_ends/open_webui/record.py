"""Requests that Open WebUI sends to a worker, one of each kind, as JSON for tests that do without an Open WebUI.

Kept are the people's words, every header and field, and the marks by which a prompt of Open WebUI's own is recognised. Left out
are keys, ids, and the texts that Open WebUI's authors wrote.
"""

import json
import re
from collections import Counter
from pathlib import Path

from wire import Exchange

# Instructions of Open WebUI's authors between a mark and the next one, or the end.
BETWEEN = [
    (r"(### Task:\nRespond).*(?=<context>\n)", r"\1 …\n\n"),
    (r"(### Task:\nSummarize).*?(?=### Previous Summary:)", r"\1 …\n\n"),
    (r"(### Task:\n)(?!Respond|Summarize).*?(?=JSON format:\s*\{ \"|### Chat History:|<chat_history>)", r"\1…\n\n"),
    (r"(JSON format:\s*\{ \"\w+\").*?(?=### Chat History:)", r"\1: … }\n"),
    (r"(Your task is to reflect the speaker's likely facial expression).*?(?=Message: ```)", r"\1 …\n\n"),
    (r"(latest user query: \"[^\"]*\"\n\n).*?(?=Responses from models:)", r"\1…\n\n"),
    (r"(Review the completed conversation turn and decide whether long-term memory should change\.).*?(?=Existing memories:)", r"\1 …\n\n"),
    (r"(So it goes on\. ){2,}", "So it goes on. … "),
    (r"(Be a pirate\. ){2,}", "Be a pirate. … "),
    (r"(base64,).*", r"\1…"),
    (r"((?:resource-)?(?:id|url)=\")[0-9a-f-]{36}", r"\1file-0000"),
]


class Record:
    """What was kept, by kind."""

    def __init__(self) -> None:
        self.kinds: dict[str, dict] = {}

    def keep(self, kind: str, item: Exchange) -> None:
        """Keeps the first of a kind."""
        kept = {"method": item.method, "path": item.path, "headers": _headers(item.headers), "body": _body(item.body)}
        self.kinds.setdefault(kind, kept)

    def write(self, path: Path) -> None:
        """Writes all of it; headers that all requests have stand once, at the top."""
        pairs = Counter(pair for kept in self.kinds.values() for pair in kept["headers"].items())
        common = {name: value for (name, value), count in pairs.items() if count == len(self.kinds)}
        for kept in self.kinds.values():
            kept["headers"] = {name: value for name, value in kept["headers"].items() if name not in common}
        text = json.dumps({"headers": common, "requests": self.kinds}, indent=2, ensure_ascii=False)
        path.write_text(text + "\n")


def _headers(headers: dict[str, str]) -> dict[str, str]:
    kept = dict(headers)
    kept["Authorization"] = "Bearer …"
    kept["X-OpenWebUI-User-Id"] = f"{headers['X-OpenWebUI-User-Name'].lower()}-0000"
    if chat := headers.get("X-OpenWebUI-Chat-Id"):
        kept["X-OpenWebUI-Chat-Id"] = "temporary:0000" if chat.startswith("temporary:") else "chat-0000"
    return kept


def _body(body: dict | None) -> dict | None:
    if body is None:
        return None
    kept = dict(body)
    kept["messages"] = [message | {"content": _cut(message["content"])} for message in body["messages"]]
    if "tools" in body:
        # Two of some twenty.
        functions = [{"name": tool["function"]["name"], "parameters": {"type": "object"}} for tool in body["tools"][:2]]
        kept["tools"] = [{"type": "function", "function": function} for function in functions]
    return kept


def _cut(content):
    if isinstance(content, list):
        return [{name: _cut(value) for name, value in part.items()} for part in content]
    if isinstance(content, dict):
        return {name: _cut(value) for name, value in content.items()}
    for pattern, instead in BETWEEN:
        content = re.sub(pattern, instead, content, flags=re.S)
    return content
