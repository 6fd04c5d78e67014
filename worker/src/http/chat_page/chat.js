// The chat page: who is signed in, which conversation is open, which part of the page a narrow screen shows. messages.js
// does what is said in a conversation, memories.js what is remembered. Talks to /api/v1/conversations of the worker that
// served the page.
import { ask, token, whenRefused } from "./api.js";
import * as memories from "./memories.js";
import * as messages from "./messages.js";
import { $, attempt, confirmed, copy, day, report, say } from "./page.js";

const PATH = "/api/v1/conversations";

/** The conversations that were read, newest first; where the list goes on; the open one, none before its first message. */
let listed = [];
let cursor = null;
let open = null;

const at = (conversation) => `${PATH}/${encodeURIComponent(conversation.id)}`;
const titleOf = (conversation) => conversation.title ?? "Untitled";

/** What the address's fragment says. A token is taken out of it, so that no history and no bookmark keeps it. */
function readFragment() {
  const fields = new URLSearchParams(location.hash.slice(1));
  const given = fields.get("token")?.trim();
  if (given) {
    fields.delete("token");
    history.replaceState(null, "", location.pathname + (fields.size ? `#${fields}` : ""));
  }
  return { given, conversation: fields.get("conversation") };
}

/** Keeps the token of a link. Nobody who is signed in becomes somebody else without a word: anyone can make a link. */
async function take(given) {
  const question = "What you write would be theirs. A link asks for this.";
  const other = token.get() && token.get() !== given;
  if (!other || await confirmed("Sign in as somebody else?", question)) token.keep(given);
}

async function begin() {
  const { given, conversation } = readFragment();
  if (given) await take(given);
  if (!token.get()) return askForToken("");
  try {
    await list();
  } catch (error) {
    if (error.status === 401) return;
    // A key that may not chat, or that has to name a user, is no use here.
    if (error.status === 400 || error.status === 403) return askForToken(error.message);
    report(error);
  }
  $("sign-in").hidden = true;
  $("app").hidden = false;
  memories.refresh().catch(report);
  if (conversation) openById(conversation).catch(report);
  // A message that could not be sent for want of a token stays.
  else if (!$("log").childElementCount) openNew();
}

function askForToken(reason) {
  token.forget();
  $("app").hidden = true;
  $("sign-in").hidden = false;
  say($("token-problem"), reason);
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  $("token").focus();
}

function signIn() {
  const given = $("token").value.trim().replace(/^Bearer\s+/i, "");
  // Nothing else may stand in a header.
  if (!/^[!-~]+$/.test(given)) return say($("token-problem"), "This is no token: it has characters that no token has.");
  $("token").value = "";
  token.keep(given);
  begin();
}

function signOut() {
  token.forget();
  // A fresh page remembers nothing of the user.
  location.replace(location.pathname);
}

async function list(from) {
  const { value } = await ask("GET", from ? `${PATH}?cursor=${encodeURIComponent(from)}` : PATH);
  listed = from ? [...listed, ...value.conversations] : value.conversations;
  cursor = value.next_cursor;
  showList();
}

function showList() {
  const focused = document.activeElement.dataset.id;
  const rows = listed.map((conversation) => {
    const row = copy("conversation-template");
    const button = row.querySelector("button");
    button.dataset.id = conversation.id;
    if (conversation.id === open?.id) button.setAttribute("aria-current", "true");
    row.querySelector(".title").textContent = titleOf(conversation);
    row.querySelector("time").textContent = day(conversation.created_at);
    button.addEventListener("click", () => attempt(() => openConversation(conversation)));
    return row;
  });
  $("conversations").replaceChildren(...rows);
  if (focused) document.querySelector(`#conversations [data-id="${CSS.escape(focused)}"]`)?.focus();
  $("no-conversations").hidden = listed.length > 0;
  $("more-conversations").hidden = !cursor;
}

/** Names `conversation` as the open one everywhere; none is one that is not made yet. */
function become(conversation) {
  open = conversation;
  $("chat-title").textContent = conversation ? titleOf(conversation) : "New conversation";
  $("chat-actions").hidden = !conversation;
  // A reload comes back to it.
  history.replaceState(null, "", location.pathname + (conversation ? `#conversation=${conversation.id}` : ""));
  showList();
}

function openNew() {
  become(null);
  messages.clear();
  showPanel("chat");
  $("message").focus();
}

async function openById(id) {
  try {
    const { value } = await ask("GET", at({ id }));
    await openConversation(value);
  } catch (error) {
    openNew();
    throw error;
  }
}

function openConversation(conversation) {
  become(conversation);
  showPanel("chat");
  // On a narrow screen the list that had the focus is gone.
  if (!document.activeElement.offsetParent) $("chat-title").focus();
  return messages.show(conversation);
}

/** A conversation is made with its first message, and named by it. */
async function makeConversation(text, isShown) {
  const words = text.trim().split("\n")[0];
  const title = words.length > 60 ? `${words.slice(0, 60).trim()} …` : words;
  const { value } = await ask("POST", PATH, { title });
  listed = [value, ...listed];
  if (isShown()) become(value);
  else showList();
  return value;
}

async function rename() {
  const conversation = open;
  let etag;
  const reread = async () => {
    const now = await ask("GET", at(conversation));
    etag = now.etag;
    renamed(now.value);
    return now.value;
  };
  $("title").value = (await reread()).title ?? "";
  say($("naming-problem"), "");
  $("naming-form").onsubmit = async (event) => {
    event.preventDefault();
    try {
      const { value } = await ask("PATCH", at(conversation), { title: $("title").value }, etag);
      renamed(value);
      $("naming").close();
    } catch (error) {
      say($("naming-problem"), error.message);
      if (error.status !== 412) return;
      // Who saves once more replaces what they have now seen.
      const title = await reread().then(titleOf, () => "another title");
      say($("naming-problem"), `It was renamed elsewhere meanwhile. Save again to replace its title now: “${title}”`);
    }
  };
  $("naming").showModal();
  $("title").select();
}

function renamed(conversation) {
  listed = listed.map((old) => (old.id === conversation.id ? conversation : old));
  if (open?.id === conversation.id) become(conversation);
  else showList();
}

async function remove() {
  const conversation = open;
  if (!await confirmed("Delete this conversation?", `“${titleOf(conversation)}” goes with all its messages. Memories stay.`)) return;
  await ask("DELETE", at(conversation)).catch((error) => {
    // It is gone, whoever did it.
    if (error.status !== 404) throw error;
  });
  messages.forget(conversation);
  listed = listed.filter((other) => other.id !== conversation.id);
  if (open?.id === conversation.id) openNew();
  else showList();
}

/** Narrow screens show one part of the page at a time. */
function showPanel(name) {
  $("app").dataset.panel = name;
  for (const button of document.querySelectorAll("nav button")) {
    if (button.dataset.panel === name) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}

$("sign-in-form").addEventListener("submit", (event) => {
  event.preventDefault();
  signIn();
});
$("sign-out").addEventListener("click", signOut);
$("new").addEventListener("click", openNew);
$("rename").addEventListener("click", () => attempt(rename));
$("delete").addEventListener("click", () => attempt(remove));
$("more-conversations").addEventListener("click", () => attempt(() => list(cursor)));
$("naming-no").addEventListener("click", () => $("naming").close());
for (const button of document.querySelectorAll("nav button")) {
  button.addEventListener("click", () => showPanel(button.dataset.panel));
}
// A browser does not load the page again for another fragment.
window.addEventListener("hashchange", () => {
  const { given } = readFragment();
  if (given) take(given).then(() => location.reload());
});

whenRefused((reason) => askForToken(`The token was not accepted (${reason}). It may have run out: give a new one.`));
messages.start(makeConversation);
begin();
