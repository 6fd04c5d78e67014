"""Prints the text of a streamed reply as it arrives: server-sent events on standard input, words on standard output."""

import json
import sys

for line in sys.stdin:
    if not line.startswith("data: ") or line.startswith("data: [DONE]"):
        continue
    event = json.loads(line[len("data: "):])
    if "error" in event:
        sys.exit(f"the reply ended with an error: {event['error'].get('message')}")
    for choice in event["choices"]:
        print(choice["delta"].get("content") or "", end="", flush=True)
print()
