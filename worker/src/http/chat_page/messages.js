// The middle of the chat page: the messages of one conversation, the composer, and replies that come as they are written.
// Talks to /api/v1/conversations/{id}/messages and /api/v1/turns. What people, models and memories say is only ever set
// as text, never as HTML.
import { ApiError, ask, follow, newKey } from "./api.js";
import { expect } from "./memories.js";
import { $, attempt, copy, day, how, say } from "./page.js";

/** A reply that broke off with one of these was not stored, so its key still stands for a whole one. */
const NOT_STORED = ["turn_interrupted", "shutting_down"];
const FINISHES = { length: "cut at the longest length", content_filter: "ended by the content filter" };

/** The conversation that is shown; none before the first message of a new one. */
let conversation = null;
/** Counts what was shown: an answer that was asked for before the last change is not shown. */
let views = 0;
let older = null;
/** Turns whose replies are not among the stored messages: those that run, broke off or were stopped. */
const turns = new Set();
/** Makes a conversation for a first message. */
let begin = null;

const messagesOf = ({ id }) => `/api/v1/conversations/${encodeURIComponent(id)}/messages`;
const runningHere = () => [...turns].find((turn) => turn.stop && turn.reply.isConnected);

/** `begin(text, isShown)` makes the conversation that a first message asks for. */
export function start(makeConversation) {
  begin = makeConversation;
}

/** Shows nothing: a conversation that begins with its first message. */
export function clear() {
  views += 1;
  conversation = older = null;
  $("older").hidden = true;
  $("log").replaceChildren();
  $("greeting").hidden = false;
  showComposer();
}

/** Shows the newest messages of a conversation, and what is under way in it. */
export async function show(chosen) {
  clear();
  const mine = views;
  conversation = chosen;
  $("greeting").hidden = true;
  const { value } = await ask("GET", messagesOf(chosen));
  if (mine !== views) return;
  showPage(value);
  const stored = new Set(value.messages.map((message) => message.turn_id));
  for (const turn of turns) {
    if (turn.conversation?.id !== chosen.id) continue;
    if (!stored.has(turn.id)) $("log").append(...turn.elements);
    else if (!turn.stop) turns.delete(turn);
  }
  $("greeting").hidden = $("log").childElementCount > 0;
  showComposer();
  toBottom();
}

/** Forgets what of a conversation is not stored. */
export function forget({ id }) {
  for (const turn of turns) if (turn.conversation?.id === id) turns.delete(turn);
}

async function showOlder() {
  const mine = views;
  const { value } = await ask("GET", `${messagesOf(conversation)}?cursor=${encodeURIComponent(older)}`);
  if (mine !== views) return;
  const scroll = $("scroll");
  const below = scroll.scrollHeight - scroll.scrollTop;
  showPage(value);
  scroll.scrollTop = scroll.scrollHeight - below;
}

/** Puts a page, newest first, above what is shown. It is no news, so it is not read out. */
function showPage({ messages, next_cursor }) {
  $("log").setAttribute("aria-busy", "true");
  older = next_cursor;
  $("older").hidden = !older;
  $("log").prepend(...messages.toReversed().map(stored));
  $("log").removeAttribute("aria-busy");
}

function stored(message) {
  if (message.role === "user") return said(message.text);
  const reply = copy("reply-template");
  reply.dataset.state = message.partial ? "partial" : "done";
  reply.querySelector(".text").textContent = message.text;
  reply.querySelector(".about").textContent = `${day(message.created_at)}${message.partial ? " · broke off" : ""}`;
  const used = reply.querySelector(".used");
  used.hidden = false;
  used.addEventListener("toggle", () => {
    // Asked for only when somebody looks.
    if (used.open && !used.querySelector("li")) attempt(() => readUsed(reply, message.turn_id));
  });
  return reply;
}

function said(text) {
  const element = copy("said-template");
  element.querySelector(".text").textContent = text;
  return element;
}

async function readUsed(reply, turnId) {
  const { value } = await ask("GET", `/api/v1/turns/${turnId}/memories`);
  showUsed(reply, value.memories);
  reply.querySelector(".used").scrollIntoView({ block: "nearest" });
}

function showUsed(reply, memories) {
  const items = memories.map((memory) => {
    const item = document.createElement("li");
    const why = document.createElement("span");
    item.textContent = memory.text ?? "A memory that was deleted since.";
    why.textContent = how(memory);
    item.append(" ", why);
    return item;
  });
  const used = reply.querySelector(".used");
  used.hidden = false;
  used.querySelector("ul").replaceChildren(...items);
  used.querySelector("summary").textContent = memories.length === 1 ? "1 memory used" : `${memories.length || "No"} memories used`;
}

function send(text) {
  // What was not stored is shown until something new is said.
  if (conversation) forget(conversation);
  const turn = { conversation, body: { text }, key: newKey(), id: null, last: "", text: "", stop: null };
  turn.reply = copy("reply-template");
  turn.elements = [said(text), turn.reply];
  turn.reply.querySelector(".again").addEventListener("click", () => {
    if (!runningHere()) turn.again();
  });
  $("greeting").hidden = true;
  $("log").append(...turn.elements);
  toBottom();
  run(turn);
}

/** Sends the message of `turn`, or comes back to it, and shows what becomes of it. */
async function run(turn) {
  turn.stop = new AbortController();
  turns.add(turn);
  if (turn.id) change(turn, "reconnecting", "Reconnecting …");
  else change(turn, "sending", "Sending …");
  showComposer();
  try {
    if (!turn.conversation) {
      turn.conversation = await begin(turn.body.text, () => turn.reply.isConnected);
      if (turn.reply.isConnected) conversation = turn.conversation;
    }
    const breaking = (tried, of) => change(turn, "reconnecting", `Reconnecting (${tried} of ${of}) …`);
    for await (const { name, data } of follow(turn, turn.stop.signal, breaking)) {
      keepBottom(() => HANDLERS[name]?.(turn, data));
    }
    // A turn may ask for something instead of replying.
    if (turn.state !== "failed" && turn.state !== "done") change(turn, "done", "");
  } catch (error) {
    if (turn.stop.signal.aborted) stopped(turn);
    else failed(turn, error);
  } finally {
    turn.stop = null;
    showComposer();
  }
}

/** What is done at each event of a turn. */
const HANDLERS = {
  turn(turn) {
    // A turn that is told from its beginning is told whole.
    setText(turn, "");
    change(turn, "streaming", "Thinking …");
  },
  emotion(turn, { emotion }) {
    turn.mood = emotion;
  },
  memory(turn, { memories }) {
    showUsed(turn.reply, memories);
  },
  age_verification_required(turn) {
    turn.ageWanted = true;
  },
  route(turn, route) {
    turn.route = route;
    change(turn, "streaming", "Writing …");
  },
  delta(turn, { text }) {
    setText(turn, turn.text + text);
    if (turn.state !== "streaming") change(turn, "streaming", "Writing …");
  },
  error(turn, { code, message, retryable }) {
    // Half a reply is stored under its key, and would be told again under it: a whole one needs a new key.
    turn.halfStored = turn.text !== "" && !NOT_STORED.includes(code);
    if (code === "content_filter") setText(turn, "");
    failed(turn, new ApiError(message, { code, retryable }));
  },
  done(turn, outcome) {
    setText(turn, outcome.text);
    if (outcome.recalled.length) showUsed(turn.reply, outcome.recalled);
    if (outcome.stored) turns.delete(turn);
    change(turn, "done", about(turn, outcome));
    expect();
  },
};

/** The quiet line under a reply: who gave it, how the message sounded and which way it went, what was missing, what it cost. */
function about({ route, mood, ageWanted }, outcome) {
  const parts = [
    route && `${route.provider} ${route.model}`,
    mood && `sounds ${mood}`,
    route && route.route !== "normal" && `route ${route.route}`,
    route?.label && route.label !== "safe" && `taken for ${route.label.replace("_", " ")}`,
    ageWanted && "needs a verified age",
    outcome.simulated && "simulated",
    FINISHES[outcome.finish_reason],
    outcome.degraded.length > 0 && `without ${outcome.degraded.join(", ")}`,
    outcome.stored ? "stored" : outcome.pending ? "stored soon" : "not stored",
    `$${+(outcome.cost_microdollars / 1e6).toFixed(6)}`,
  ];
  return parts.filter(Boolean).join(" · ");
}

/** Only text that was added is added, so that it is read out once and a selection stays. */
function setText(turn, text) {
  const element = turn.reply.querySelector(".text");
  if (element.firstChild && text.startsWith(turn.text)) element.firstChild.appendData(text.slice(turn.text.length));
  else element.textContent = text;
  turn.text = text;
}

function change(turn, state, line) {
  turn.state = turn.reply.dataset.state = state;
  turn.reply.querySelector(".about").textContent = line;
  turn.reply.querySelector(".again").hidden = true;
  say(turn.reply.querySelector(".problem"), "");
}

function failed(turn, error) {
  keepBottom(() => {
    change(turn, "failed", turn.text ? "Broke off" : "No reply");
    say(turn.reply.querySelector(".problem"), error.message);
    // A turn that nobody knows of any more was not stored, so its message may come again.
    if (error.retryable || error.code === "turn_not_found") offer(turn, "Try again", turn.halfStored ? sendAnew : sendAgain);
    // What is refused as it is can be put right.
    else if (turn.reply.isConnected && !$("message").value) $("message").value = turn.body.text;
  });
}

/** Under its key a turn goes on without its client: who stopped may hear the rest, or find it stored. */
function stopped(turn) {
  keepBottom(() => {
    change(turn, "stopped", turn.id ? "Stopped here. The reply goes on without you and is kept." : "Stopped before it began.");
    if (turn.id) offer(turn, "Show the rest", run);
    else offer(turn, "Try again", sendAgain);
  });
}

function offer(turn, label, action) {
  say(turn.reply.querySelector(".again"), label);
  turn.again = () => action(turn);
}

/** The same message under the same key: if it was answered after all, that reply comes. */
function sendAgain(turn) {
  turn.id = null;
  setText(turn, "");
  run(turn);
}

/** The same words as a new message; what broke off stays in the conversation. */
function sendAnew(turn) {
  turn.reply.querySelector(".again").hidden = true;
  send(turn.body.text);
}

function sendComposed() {
  const text = $("message").value;
  if (!text.trim() || runningHere()) return;
  $("message").value = "";
  send(text);
}

function showComposer() {
  const running = Boolean(runningHere());
  const focused = document.activeElement === $("send") || document.activeElement === $("stop");
  $("send").hidden = running;
  $("stop").hidden = !running;
  $("send").disabled = !$("message").value.trim();
  if (focused) $(running ? "stop" : "message").focus();
}

/** Changes the messages; a reader at their end stays there, one who looks further up is left alone. */
function keepBottom(work) {
  const { scrollHeight, scrollTop, clientHeight } = $("scroll");
  work();
  if (scrollHeight - scrollTop - clientHeight < 40) toBottom();
}

function toBottom() {
  $("scroll").scrollTop = $("scroll").scrollHeight;
}

// What is opened at the lower edge comes into view; this event does not bubble.
$("log").addEventListener("toggle", ({ target }) => target.scrollIntoView({ block: "nearest" }), true);
$("older").addEventListener("click", () => attempt(showOlder));
$("stop").addEventListener("click", () => runningHere()?.stop.abort());
$("message").addEventListener("input", showComposer);
$("message").addEventListener("keydown", (event) => {
  // Enter that ends the composition of a character is not meant for us.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  sendComposed();
});
$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  sendComposed();
});
