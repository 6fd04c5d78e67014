"""What an application would do with OpenAI's Python client, against the service in OPENAI_BASE_URL with the token in
OPENAI_API_KEY: list models, chat, stream, continue a conversation, and be refused with the key in WRONG_API_KEY.
Ends with an error where something is not as the client expects."""

import os

import openai

client = openai.OpenAI(timeout=30, max_retries=0)

models = [model.id for model in client.models.list()]
assert "default" in models, models
assert client.models.retrieve("default").id == "default"

reply = client.chat.completions.create(
    model="default", messages=[{"role": "user", "content": "Hello there"}]
)
assert reply.choices[0].message.role == "assistant", reply
assert reply.choices[0].message.content, reply
assert reply.choices[0].finish_reason == "stop", reply
assert reply.usage.total_tokens > 0, reply

pieces, usage, finish = [], None, None
stream = client.chat.completions.create(
    model="default",
    messages=[
        {"role": "user", "content": "Hello there"},
        {"role": "assistant", "content": reply.choices[0].message.content},
        {"role": "user", "content": "And how is the weather?"},
    ],
    stream=True,
    stream_options={"include_usage": True},
    extra_headers={"X-Conversation-Id": "python"},
)
for chunk in stream:
    usage = chunk.usage or usage
    for choice in chunk.choices:
        pieces.append(choice.delta.content or "")
        finish = choice.finish_reason or finish
text = "".join(pieces)
assert len([piece for piece in pieces if piece]) > 3, pieces
assert "weather" in text, text
assert finish == "stop", finish
assert usage is not None and usage.total_tokens > 0, usage

try:
    client.chat.completions.create(model="default", messages=[])
    raise SystemExit("an empty list of messages was taken")
except openai.BadRequestError as error:
    assert "messages" in str(error), error

try:
    client.chat.completions.create(
        model="nothing", messages=[{"role": "user", "content": "Hello"}]
    )
    raise SystemExit("an unknown model was taken")
except openai.NotFoundError as error:
    assert error.code == "model_not_found", error

try:
    openai.OpenAI(api_key=os.environ["WRONG_API_KEY"], max_retries=0).models.list()
    raise SystemExit("a wrong key was taken")
except openai.AuthenticationError as error:
    assert error.code == "invalid_token", error

print(f"openai {openai.__version__}: {models}, {len(pieces)} pieces: {text}")
