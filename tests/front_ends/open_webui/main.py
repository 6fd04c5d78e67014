"""A real Open WebUI in front of a worker, with two people: does everything work, and does nothing mix?

In: COMPANION_URL, a worker with auth.forwardedUserHeader X-OpenWebUI-User-Id; COMPANION_KEY, a key of it with the scopes chat
and act-as; COMPANION_BROKEN_URLS, workers that believe the same key and whose models fail, each in its own way.
COMPANION_RECORD may name a file for the requests that Open WebUI sent; COMPANION_MORE=1 tries everything else that its page
can ask for. Out: exit 0, or the first thing that is not as promised.
"""

import asyncio
import os
import sys
import time
from pathlib import Path

import aiohttp

from more import more
from page import Page, Told
from record import Record
from server import open_webui
from wire import Exchange, Wire
from worker import Worker

MODEL = "default"
# Longest that all of it may take, on a busy machine.
DEADLINE = 300
# How each prompt that Open WebUI makes for itself says which answer it wants.
TASKS = {"title": '"title"', "tags": '"tags"', "follow-ups": '"follow_ups"'}
# Of each person: the fact, and what only its owner may hear.
FACTS = {"Ada": ("My sister Anna lives in Lisbon.", "Lisbon"), "Sam": ("My sister Berta lives in Oslo.", "Oslo")}
QUESTION = "Where does my sister live?"
HINT = "Say it in one word."


def check(holds: object, otherwise: str) -> None:
    """Ends the run where something is not as promised."""
    if not holds:
        raise AssertionError(otherwise)


def see(sentence: str) -> None:
    """Tells what was seen."""
    print(f"[{time.monotonic() - START:5.1f} s] {sentence}", flush=True)


def asks_for(exchange: Exchange) -> str:
    """Which of Open WebUI's own prompts it is; nothing where a person speaks."""
    if not exchange.last.startswith("### Task:"):
        return ""
    return next((name for name, mark in TASKS.items() if mark in exchange.last), "another task")


def completions(wire: Wire, person: Page) -> list[Exchange]:
    """What was sent for this person."""
    mine = (item for item in wire.exchanges if item.headers.get("X-OpenWebUI-User-Id") == person.id)
    return [item for item in mine if item.path == "/v1/chat/completions"]


async def await_tasks(wire: Wire, person: Page) -> None:
    """Waits until Open WebUI has asked for everything that it asks for after the first message of a chat."""
    deadline = time.monotonic() + 30
    while missing := set(TASKS) - {asks_for(item) for item in completions(wire, person)}:
        check(time.monotonic() < deadline, f"Open WebUI did not ask for {', '.join(missing)} after 30 s")
        await asyncio.sleep(0.2)
    for item in completions(wire, person):
        await asyncio.wait_for(item.done.wait(), 30)


def is_good(told: Told, what: str) -> None:
    """A reply that came whole, and piece by piece."""
    check(not told.error, f"{what}: the page shows the error {told.error!r}")
    check(told.text, f"{what}: the page shows no reply")
    check(told.growths > 2, f"{what}: the reply did not come piece by piece but in {told.growths}")


async def models(people: list[Page]) -> None:
    for person in people:
        offered = await person.models()
        check(MODEL in offered, f"{person.name} is offered {offered}, not {MODEL!r}")
    see(f"both are offered {', '.join(offered)}")


async def facts(wire: Wire, people: list[Page], workers: dict[str, Worker]) -> dict[str, Told]:
    told = {}
    for person in people:
        told[person.name] = await person.say(FACTS[person.name][0], MODEL)
        is_good(told[person.name], f"{person.name}'s first message")
        await await_tasks(wire, person)
    for person in people:
        await workers[person.name].await_memory(FACTS[person.name][1])
    see("both told a fact, each became a memory of its owner")
    return told


async def questions(wire: Wire, people: list[Page], workers: dict[str, Worker]) -> None:
    for person, other in (people, people[::-1]):
        own, foreign = FACTS[person.name][1], FACTS[other.name][1]
        told = await person.say(QUESTION, MODEL)
        is_good(told, f"{person.name}'s question")
        check(own in told.text, f"{person.name} asks in a new chat and hears {told.text!r}, without {own}")
        check(foreign not in told.text, f"{person.name} hears what {other.name} said: {told.text!r}")
        asked = next(item for item in completions(wire, person) if item.last == QUESTION)
        recalled = [memory["text"] for memory in asked.companion.get("recalled", [])]
        check(any(own in text for text in recalled), f"{person.name}'s question recalled {recalled}")
        memories = await workers[person.name].memories()
        check(len(memories) == 1 and own in memories[0], f"of {person.name} the worker remembers {memories}")
    see("in new chats each hears the own fact and not the other's")


async def regenerate(people: list[Page], workers: dict[str, Worker], first: dict[str, Told]) -> None:
    ada = people[0]
    before = first[ada.name]
    again = await ada.regenerate(before, MODEL)
    is_good(again, "regenerate")
    guided = await ada.regenerate(again, MODEL, HINT)
    is_good(guided, "regenerate with a hint")
    check(HINT in guided.text, f"regenerate with a hint: the model did not hear the hint: {guided.text!r}")
    kept = (await ada.chat(before.chat))["chat"]["history"]["messages"]
    parent = kept[before.message]["parentId"]
    siblings = [item["id"] for item in kept.values() if item.get("parentId") == parent]
    check({before.message, again.message, guided.message} <= set(siblings), f"the page keeps the replies {siblings}")
    memories = await workers[ada.name].memories()
    check(len(memories) == 1, f"regenerating doubled memories: {memories}")
    below = await ada.say("Thank you.", MODEL, again)
    is_good(below, "a message below the second reply")
    see("regenerate gives further replies, with a hint and without, and the chat goes on below one")


async def housekeeping(wire: Wire, people: list[Page], workers: dict[str, Worker]) -> None:
    for person in people:
        tasks = [item for item in completions(wire, person) if asks_for(item)]
        for item in tasks:
            check(item.status == 200, f"the prompt for {asks_for(item)} was answered with {item.status}: {item.answer}")
            check(item.companion.get("stored") is False, f"the prompt for {asks_for(item)} was stored: {item.answer}")
        typed = {FACTS[person.name][0], QUESTION, HINT, "Thank you."}
        kept = await workers[person.name].said()
        check(set(kept) <= typed, f"the worker keeps what {person.name} did not say: {set(kept) - typed}")
        kinds = [asks_for(item) for item in tasks]
        seen = ", ".join(f"{kinds.count(kind)} for {kind}" for kind in dict.fromkeys(kinds))
        see(f"{person.name}: of prompts {seen} nothing is stored; kept as said: {len(kept)} messages")


async def broken(people: list[Page], urls: list[str], key: str) -> None:
    ada, sam = people
    config = await ada.call("GET", "/openai/config")
    config["OPENAI_API_BASE_URLS"] += [f"{url}/v1" for url in urls]
    config["OPENAI_API_KEYS"] += [key for _ in urls]
    for index in range(len(urls)):
        config["OPENAI_API_CONFIGS"][str(index + 1)] = {"enable": True, "prefix_id": f"broken{index}"}
    await ada.call("POST", "/openai/config/update", config)
    await ada.models()
    for index in range(len(urls)):
        begun = time.monotonic()
        told = await sam.say("Is anybody there?", f"broken{index}.{MODEL}")
        check(told.error, f"worker {urls[index]} fails and the page shows no error, but {told.text!r}")
        see(f"a model that fails: after {time.monotonic() - begun:.1f} s the page shows {told.text!r}, then {told.error!r}")


def keep(record: Record, wire: Wire, ada: Page) -> None:
    """Keeps one of each kind of what was sent for Ada."""
    record.keep("models", next(item for item in wire.exchanges if item.path == "/v1/models"))
    said = {FACTS["Ada"][0]: "chat", QUESTION: "new-chat", HINT: "regenerate-with-hint"}
    for item in completions(wire, ada):
        kind = asks_for(item) or said.get(item.last, "chat-below")
        record.keep("regenerate" if kind == "chat" and kind in record.kinds else kind, item)


async def main() -> None:
    url, key, path = (os.environ.get(f"COMPANION_{name}", "") for name in ("URL", "KEY", "RECORD"))
    record = Record()
    async with Wire(url).running() as wire, aiohttp.ClientSession() as http, open_webui(f"{wire.url}/v1", key) as page:
        see("Open WebUI is ready")
        async with Page(page, "Ada") as ada, Page(page, "Sam", ada) as sam:
            people = [ada, sam]
            workers = {person.name: Worker(http, url, key, person.id) for person in people}
            await models(people)
            first = await facts(wire, people, workers)
            await questions(wire, people, workers)
            await regenerate(people, workers, first)
            await housekeeping(wire, people, workers)
            keep(record, wire, ada)
            await broken(people, os.environ.get("COMPANION_BROKEN_URLS", "").split(), key)
            problems = await more(wire, ada, workers[ada.name], record) if os.environ.get("COMPANION_MORE") else []
    if path:
        record.write(Path(path))
    check(not problems, "\n- ".join(["", *problems]))


START = time.monotonic()
try:
    asyncio.run(asyncio.wait_for(main(), DEADLINE))
except AssertionError as error:
    sys.exit(f"not as promised: {error}")
except TimeoutError:
    sys.exit(f"not as promised: it is not done after {DEADLINE} s")
see("Open WebUI: as its users expect")
