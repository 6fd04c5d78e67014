// What SillyTavern's page does in a browser, for one person: the same calls, with messages in the order in which the page of
// 1.19.0 puts them (seen in a browser; the words are ours).
import assert from "node:assert/strict";

const PATIENCE = 60_000;
const CHARACTER = { name: "Robin", description: "Robin is a gardener who answers briefly.", greeting: "Good morning!" };

export class Person {
  #cookies = new Map();
  #csrf = "";

  constructor(page, name, worker) {
    Object.assign(this, { page, name, worker });
  }

  /** Makes an account for each, as its administrator does, signs them in, and gives each a key. */
  static async admit(page, people, keys) {
    const admin = new Person(page, "default-user");
    await admin.signIn();
    for (const [index, person] of people.entries()) {
      await admin.call("/api/users/create", { handle: person.name, name: person.name });
      await person.signIn();
      await person.keyIs(keys[index]);
      const avatar = await person.call("/api/characters/create", {
        ch_name: CHARACTER.name, description: CHARACTER.description, first_mes: CHARACTER.greeting,
      });
      assert.equal(avatar, `${CHARACTER.name}.png`);
    }
  }

  async signIn() {
    this.#csrf = (await this.call("/csrf-token")).token;
    await this.call("/api/users/login", { handle: this.name, password: "" });
  }

  async send(path, body) {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(this.page + path, {
      method: body === undefined ? "GET" : "POST",
      headers: { "content-type": "application/json", "x-csrf-token": this.#csrf, cookie },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE),
    });
    for (const line of answer.headers.getSetCookie()) {
      const [name, value] = line.split(";")[0].split(/=(.*)/s);
      this.#cookies.set(name, value);
    }
    return answer;
  }

  /** A call that must succeed. */
  async call(path, body) {
    const answer = await this.send(path, body);
    const text = await answer.text();
    assert.ok(answer.ok, `SillyTavern answers ${answer.status} to ${path}: ${text.slice(0, 300)}`);
    try { return JSON.parse(text); } catch { return text; }
  }

  /** Sets the API key of the custom source. */
  async keyIs(value) {
    await this.call("/api/secrets/write", { key: "api_key_custom", value, label: "Companion" });
  }

  /** Presses "Connect": the models that are offered. */
  async connect() {
    const status = await this.call("/api/backends/chat-completions/status", this.#source());
    assert.ok(!status.error, `${this.name} cannot connect: ${JSON.stringify(status)}`);
    return status.data.map((model) => model.id);
  }

  async statusWith(key) {
    return this.call("/api/backends/chat-completions/status", {
      ...this.#source(), custom_include_headers: `Authorization: "Bearer ${key}"`,
    });
  }

  #source() {
    return { chat_completion_source: "custom", custom_url: `${this.worker}/v1` };
  }

  /** A new chat with the character, who speaks first. */
  chat() {
    return [{ role: "assistant", content: CHARACTER.greeting }];
  }

  /** Writes a message below a chat. */
  async say(chat, text, more = {}) {
    chat.push({ role: "user", content: text });
    const told = await this.generate([...this.#before(), ...chat], more);
    if (told.text && !told.error) chat.push({ role: "assistant", content: told.text });
    return told;
  }

  /** Has another reply made to the last message. */
  async swipe(chat) {
    chat.pop();
    const told = await this.generate([...this.#before(), ...chat]);
    if (told.text) chat.push({ role: "assistant", content: told.text });
    return told;
  }

  /** What stands before every chat. */
  #before() {
    return [
      { role: "system", content: `Write ${CHARACTER.name}'s next reply in a chat between ${CHARACTER.name} and ${this.name}.` },
      { role: "system", content: CHARACTER.description },
      { role: "system", content: "[Start a new Chat]" },
    ];
  }

  /** A call of the model with these messages after what stands before every chat. */
  async generateAfter(messages, more = {}) {
    return this.generate([...this.#before(), ...messages], more);
  }

  async generate(messages, more = {}) {
    // Fields and numbers of its default preset, as its page sends them.
    const answer = await this.send("/api/backends/chat-completions/generate", {
      type: "normal", messages, model: "default", temperature: 1, frequency_penalty: 0, presence_penalty: 0, top_p: 1,
      max_tokens: 300, stream: true, user_name: this.name, char_name: CHARACTER.name, group_names: [],
      include_reasoning: true, reasoning_effort: "auto", enable_web_search: false, request_images: false,
      custom_prompt_post_processing: "", custom_include_body: "", custom_exclude_body: "", custom_include_headers: "",
      ...this.#source(), ...more,
    });
    return read(answer, more.stream ?? true);
  }
}

/** What the page shows of an answer: the text, in how many pieces it came, and the error. */
async function read(answer, streamed) {
  if (!streamed || !answer.ok) {
    const body = JSON.parse(await answer.text());
    return { text: body.choices?.[0]?.message?.content ?? "", pieces: 1, error: body.error?.message ?? "" };
  }
  let rest = "", text = "", pieces = 0, error = "";
  const decoder = new TextDecoder();
  for await (const chunk of answer.body) {
    rest += decoder.decode(chunk, { stream: true });
    const events = rest.split("\n\n");
    rest = events.pop();
    for (const event of events.map((lines) => lines.replace(/^data: /, ""))) {
      if (event === "[DONE]" || event.startsWith(":")) continue;
      const value = JSON.parse(event);
      const piece = value.choices?.[0]?.delta?.content ?? "";
      text += piece;
      pieces += piece !== "";
      error ||= value.error?.message ?? "";
    }
  }
  return { text, pieces, error };
}
