"""Prints the text of a streamed reply as it arrives: server-sent events on standard input, words on standard output.
Exits with 3 if the reply had to be made without memories, as on a machine that is very busy."""

import json
import sys

degraded = []
for line in sys.stdin:
    if not line.startswith("data: ") or line.startswith("data: [DONE]"):
        continue
    event = json.loads(line[len("data: "):])
    if "error" in event:
        sys.exit(f"the reply ended with an error: {event['error'].get('message')}")
    degraded = event.get("companion", {}).get("degraded", degraded)
    for choice in event["choices"]:
        print(choice["delta"].get("content") or "", end="", flush=True)
print()
if "recall" in degraded:
    sys.exit(3)
