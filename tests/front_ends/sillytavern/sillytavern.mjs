// A real SillyTavern in front of a worker, with two people: does everything work, and does nothing mix?
//
// In: COMPANION_URL, a worker; COMPANION_TOKENS, two tokens of two users, separated by a space; COMPANION_KEY, an API key of it with
// the scopes chat and act-as; COMPANION_BROKEN_URLS, workers that believe the tokens and whose models fail, each in its own way.
// COMPANION_MORE=1 tries everything else that its page can ask for; COMPANION_RECORD may name a file for what it sent.
// Out: exit 0, or the first thing that is not as promised.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { Person } from "./person.mjs";
import { withSillyTavern } from "./server.mjs";
import { Wire } from "./wire.mjs";
import { everythingElse } from "./more.mjs";

const env = process.env;
const url = env.COMPANION_URL, tokens = env.COMPANION_TOKENS.split(" ");
const broken = (env.COMPANION_BROKEN_URLS ?? "").split(" ").filter(Boolean);
const facts = [["My sister Anna lives in Lisbon.", "Lisbon"], ["My sister Berta lives in Oslo.", "Oslo"]];
const question = "Where does my sister live?";
const begun = performance.now();
// Longest that all of it may take, on a busy machine.
const DEADLINE = 300_000;

const see = (sentence) => console.log(`[${((performance.now() - begun) / 1000).toFixed(1).padStart(5)} s] ${sentence}`);

/** What the worker keeps of the user of a token. */
async function kept(token, path) {
  const answer = await fetch(url + path, { headers: { authorization: `Bearer ${token}` } });
  assert.equal(answer.status, 200, `the worker answers ${answer.status} to ${path}`);
  return answer.json();
}

const memories = async (token) => (await kept(token, "/api/v1/memories")).memories.map((memory) => memory.text);

async function awaitMemory(token, fragment) {
  const deadline = performance.now() + 30_000;
  let found = await memories(token);
  while (!found.some((text) => text.includes(fragment))) {
    assert.ok(performance.now() < deadline, `no memory with ${fragment} after 30 s, but ${JSON.stringify(found)}`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    found = await memories(token);
  }
}

async function connections(people, wire) {
  for (const person of people) {
    const models = await person.connect();
    assert.ok(models.includes("default"), `${person.name} is offered ${models}`);
    wire.keep("models", "/v1/models");
  }
  const wrong = await people[0].statusWith("wrong");
  assert.ok(wrong.error, `a wrong key is taken: ${JSON.stringify(wrong)}`);
  see("both connect and are offered the models; a wrong key is not taken");
}

async function replies(people, wire) {
  for (const [index, person] of people.entries()) {
    const told = await person.say(person.chat(), facts[index][0]);
    wire.keep("chat");
    assert.ok(told.text && !told.error, `${person.name}'s first message: ${JSON.stringify(told)}`);
    assert.ok(told.pieces > 2, `${person.name}'s reply came in ${told.pieces} pieces`);
  }
  const whole = await people[0].say(people[0].chat(), "Hello there.", { stream: false });
  wire.keep("whole");
  assert.ok(whole.text.includes("Hello there."), `without streaming: ${JSON.stringify(whole)}`);
  for (const [index] of people.entries()) await awaitMemory(tokens[index], facts[index][1]);
  see("replies come piece by piece, or whole; each fact became a memory of its owner");
}

async function questions(people, wire) {
  for (const [index, person] of people.entries()) {
    const own = facts[index][1], foreign = facts[1 - index][1];
    const chat = person.chat();
    const told = await person.say(chat, question);
    assert.ok(told.text.includes(own), `${person.name} asks in a new chat and hears ${told.text}`);
    assert.ok(!told.text.includes(foreign), `${person.name} hears what the other said: ${told.text}`);
    const swiped = await person.swipe(chat);
    wire.keep("swipe");
    assert.ok(swiped.text.includes(own) && !swiped.error, `another reply to the same message: ${JSON.stringify(swiped)}`);
    const further = await person.say(chat, "Thank you.");
    wire.keep("chat-below");
    assert.ok(further.text.includes("Thank you.") && !further.error, `a message below: ${JSON.stringify(further)}`);
    const found = await memories(tokens[index]);
    assert.ok(found.length === 1 && found[0].includes(own), `of ${person.name} the worker remembers ${JSON.stringify(found)}`);
  }
  see("in new chats each hears the own fact and not the other's, again when swiped");
}

async function oneKey(people) {
  if (!env.COMPANION_KEY) return;
  const [ada] = people;
  await ada.keyIs(env.COMPANION_KEY);
  for (const name of ["zoe", "tom"]) {
    const told = await ada.say(ada.chat(), `My cat is called ${name}cat.`, { custom_include_headers: `X-Companion-User: ${name}` });
    assert.ok(told.text && !told.error, `with a key that acts for ${name}: ${JSON.stringify(told)}`);
  }
  const nobody = await ada.say(ada.chat(), "Hello?");
  assert.ok(nobody.error, `a key that acts for users and names none is answered: ${nobody.text}`);
  await ada.keyIs(tokens[0]);
  see("with an API key a header names the user, and without one there is an error");
}

async function failures(people) {
  for (const address of broken) {
    const since = performance.now();
    const told = await people[1].say(people[1].chat(), "Is anybody there?", { custom_url: `${address}/v1` });
    assert.ok(told.error, `worker ${address} fails and the page shows no error, but ${told.text}`);
    see(`a model that fails: after ${((performance.now() - since) / 1000).toFixed(1)} s ${JSON.stringify([told.text, told.error])}`);
  }
}

async function main() {
  const wire = await Wire.open(url);
  try {
    await withSillyTavern(async (page) => {
      see("SillyTavern is ready");
      const ada = new Person(page, "ada", wire.url), sam = new Person(page, "sam", wire.url);
      const people = [ada, sam];
      await Person.admit(page, people, tokens);
      await connections(people, wire);
      await replies(people, wire);
      await questions(people, wire);
      await oneKey(people);
      await failures(people);
      const problems = env.COMPANION_MORE ? await everythingElse(ada, wire) : [];
      if (env.COMPANION_RECORD) writeFileSync(env.COMPANION_RECORD, JSON.stringify(wire.record(), null, 2) + "\n");
      assert.deepEqual(problems, []);
    });
  } finally {
    await wire.close();
  }
  see("SillyTavern: as its users expect");
}

try {
  const tooLong = new Promise((_, reject) => {
    setTimeout(() => reject(new assert.AssertionError({ message: `it is not done after ${DEADLINE} ms` })), DEADLINE).unref();
  });
  await Promise.race([main(), tooLong]);
} catch (error) {
  console.error(`not as promised: ${error instanceof assert.AssertionError ? error.message : error.stack}`);
  process.exit(1);
}
