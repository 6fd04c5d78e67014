// OpenAI's Node client and the Vercel AI SDK, unchanged, against a worker. In: OPENAI_BASE_URL and OPENAI_API_KEY; out: exit
// 0, or the first thing that is not as these clients' users expect.
import assert from "node:assert/strict";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, streamText } from "ai";
import OpenAI from "openai";

const question = "What is the capital of Portugal?";

async function openai() {
  const client = new OpenAI();
  const models = [];
  for await (const model of client.models.list()) models.push(model.id);
  assert.ok(models.includes("default"), models.join());
  assert.equal((await client.models.retrieve("default")).id, "default");

  const messages = [{ role: "user", content: question }];
  const whole = await client.chat.completions.create({ model: "default", messages });
  assert.match(whole.choices[0].message.content, /Portugal/);
  assert.ok(whole.usage.total_tokens > 0);

  const stream = await client.chat.completions.create({
    model: "default", messages, stream: true, stream_options: { include_usage: true },
  });
  let text = "", usage;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? "";
    usage = chunk.usage ?? usage;
  }
  assert.match(text, /Portugal/);
  assert.ok(usage.total_tokens > 0);

  const runner = client.chat.completions.stream({ model: "default", messages });
  assert.match(await runner.finalContent(), /Portugal/);

  const embedded = await client.embeddings.create({ model: "all-MiniLM-L6-v2", input: ["a", "b"] });
  assert.equal(embedded.data.length, 2);
  assert.equal(embedded.data[1].embedding.length, 384);

  await assert.rejects(client.chat.completions.create({ model: "none", messages }), OpenAI.NotFoundError);
  await assert.rejects(new OpenAI({ apiKey: "wrong" }).models.list(), OpenAI.AuthenticationError);
  const refused = client.chat.completions.create({ model: "default", messages: [] });
  await assert.rejects(refused, (error) => error instanceof OpenAI.BadRequestError && error.param === "messages");
}

async function aiSdk() {
  const provider = createOpenAICompatible({
    name: "companion", baseURL: process.env.OPENAI_BASE_URL, apiKey: process.env.OPENAI_API_KEY, includeUsage: true,
  });
  const whole = await generateText({ model: provider("default"), prompt: question });
  assert.match(whole.text, /Portugal/);
  assert.equal(whole.finishReason, "stop");

  const stream = streamText({ model: provider("default"), system: "Be brief.", messages: [{ role: "user", content: question }] });
  let text = "";
  for await (const piece of stream.textStream) text += piece;
  assert.match(text, /Portugal/);
  assert.ok((await stream.usage).totalTokens > 0);
}

await openai();
console.log("OpenAI's Node client: as its users expect");
await aiSdk();
console.log("Vercel AI SDK: as its users expect");
