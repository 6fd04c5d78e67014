// What else SillyTavern's page asks of a model. Out: every thing that is not as promised, one sentence each.

const chat = [
  { role: "assistant", content: "Good morning!" },
  { role: "user", content: "I planted a rose." },
];
const reply = { role: "assistant", content: "Roses like" };
const system = (content) => ({ role: "system", content });

export async function everythingElse(person, wire) {
  const problems = [];
  for (const [kind, messages, more] of [
    // Instructions of a character card or preset that stand below the chat ("Post-History Instructions").
    ["instructions below", [...chat, system("Stay in character.")]],
    // A group: whose turn it is.
    ["group", [...chat, system("[Write the next reply only as Robin.]")], { group_names: ["Robin", "Kim"] }],
    // "Continue", with the preset's nudge, and with "Continue prefill".
    ["continue", [...chat, reply, system("[Continue your last message without repeating its original content.]")], { type: "continue" }],
    ["continue with prefill", [...chat, reply], { type: "continue" }],
    // The page writes in the person's place.
    ["impersonate", [...chat, reply, system("[Write the next reply in the person's place.]")], { type: "impersonate" }],
    // An extension asks for a summary.
    ["summary", [...chat, reply, system("Summarize what was said so far.")], { type: "quiet" }],
    ["long character", [system("Robin loves plants. ".repeat(300)), ...chat]],
    // "Send if empty" off: the person wants the character to go on after its greeting.
    ["nothing said yet", [chat[0]]],
    ["names of speakers", [system("An example:"), { role: "system", name: "example_user", content: "Hi." }, ...chat]],
    ["all parameters", chat, {
      frequency_penalty: 0.5, presence_penalty: -0.5, seed: 7, top_k: 40, n: 1, temperature: 1.3, logit_bias: {}, stop: ["\nada:"],
    }],
  ]) {
    const told = await person.generateAfter(messages, more);
    wire.keep(kind);
    if (told.error || !told.text) {
      problems.push(`${kind}: the page shows ${JSON.stringify(told.error || "nothing")}; the worker said ${lastError(wire)}`);
    } else if (["impersonate", "summary", "continue", "continue with prefill"].includes(kind) && wire.lastCompanion().stored) {
      problems.push(`${kind}: what the person did not ask is stored as a turn`);
    }
  }
  return problems;
}

function lastError(wire) {
  const last = wire.exchanges.findLast((item) => item.path === "/v1/chat/completions");
  return `${last.status} ${last.status === 200 ? "" : last.answer}`;
}
