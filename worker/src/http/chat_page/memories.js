// What is remembered: a list to look through, search, add to, edit, pin and delete from, which also notices what was
// learned from a conversation. Talks to /api/v1/memories.
import { ask, sleep } from "./api.js";
import { $, attempt, confirmed, copy, day, how, put, say } from "./page.js";

const PATH = "/api/v1/memories";
/** Pauses before each look for new facts after a reply. Few, as every look counts towards the user's limit. */
const LOOKS_S = [1.5, 3, 5];

const at = (id) => `${PATH}/${encodeURIComponent(id)}`;

/** What was read of the list, newest first; where it goes on; and what a search found instead, if there was one. */
let kept = [];
let cursor = null;
let found = null;
/** Counts changes made here: an answer that was asked for before the last one is out of date. */
let changes = 0;
let expecting = 0;
const rows = new Map();

/** Reads the first page again. Pages behind it stay, as long as they still join it. */
export async function refresh() {
  const before = changes;
  const { value } = await ask("GET", PATH);
  if (before !== changes) return;
  const last = kept.findIndex((memory) => memory.id === value.memories.at(-1)?.id);
  if (value.next_cursor && last >= 0 && kept.length > last + 1) {
    kept = [...value.memories, ...kept.slice(last + 1)];
  } else {
    kept = value.memories;
    cursor = value.next_cursor;
  }
  show();
}

/** Waits for the facts that a job finds after a reply. */
export async function expect() {
  const mine = ++expecting;
  const before = new Set(kept.map((memory) => memory.id));
  const isNew = (memory) => !before.has(memory.id) && memory.kind !== "note";
  for (const pause of LOOKS_S) {
    await sleep(1_000 * pause);
    if (mine !== expecting) return;
    try {
      await refresh();
    } catch {
      return; // Nobody asked for this look.
    }
    // The first page only: another may have been read meanwhile.
    const learned = kept.slice(0, 50).filter(isNew);
    if (!learned.length) continue;
    for (const memory of learned) rows.get(memory.id)?.element.classList.add("new");
    $("learned").textContent = `${learned.length} learned`;
    setTimeout(() => { $("learned").textContent = ""; }, 8_000);
    return;
  }
}

async function more() {
  const { value } = await ask("GET", `${PATH}?cursor=${encodeURIComponent(cursor)}`);
  kept = [...kept, ...value.memories.filter((memory) => !kept.some(({ id }) => id === memory.id))];
  cursor = value.next_cursor;
  show();
}

async function search() {
  const query = $("query").value.trim();
  if (!query) return showAll();
  const { value } = await ask("POST", `${PATH}/search`, { query });
  // A search does not say what is pinned; the list does, as far as it was read.
  found = value.results.map((result) => ({ ...kept.find(({ id }) => id === result.id), ...result }));
  show();
}

function showAll() {
  found = null;
  show();
}

async function add() {
  const { value } = await ask("POST", PATH, { text: $("fact").value });
  $("fact").value = $("query").value = "";
  changes += 1;
  // A fact that is known already comes back as the memory that says it.
  kept = [value, ...kept.filter((memory) => memory.id !== value.id)];
  showAll();
}

/** Brings the list up to date and leaves rows alone that did not change, so that nothing flickers or loses its focus. */
function show() {
  const list = $("memories");
  const shown = found ?? kept;
  const ids = new Set(shown.map((memory) => memory.id));
  for (const [id, row] of rows) {
    if (ids.has(id)) continue;
    row.element.remove();
    rows.delete(id);
  }
  shown.forEach((memory, place) => {
    if (!rows.has(memory.id)) rows.set(memory.id, makeRow(memory.id));
    const row = rows.get(memory.id);
    fill(row, memory);
    if (list.children[place] !== row.element) list.insertBefore(row.element, list.children[place] ?? null);
  });
  const none = found ? "Nothing fits." : "Nothing yet. What you tell about yourself comes here.";
  say($("no-memories"), shown.length ? "" : none);
  $("more-memories").hidden = Boolean(found) || !cursor;
}

function makeRow(id) {
  const element = copy("memory-template");
  const part = (selector) => element.querySelector(selector);
  const row = { id, element, part, form: part("form"), field: part("textarea"), memory: null, etag: null };
  element.dataset.id = id;
  part(".pin").addEventListener("click", () => attempt(() => pin(row)));
  part(".edit").addEventListener("click", () => attempt(() => edit(row)));
  part(".delete").addEventListener("click", () => attempt(() => remove(row)));
  part(".cancel").addEventListener("click", () => close(row));
  row.form.addEventListener("submit", (event) => {
    event.preventDefault();
    save(row);
  });
  row.field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close(row);
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    row.form.requestSubmit();
  });
  return row;
}

function fill(row, memory) {
  row.memory = memory;
  const parts = [memory.kind, memory.pinned && "pinned", found ? how(memory) : day(memory.created_at)];
  put(row.part(".text"), memory.text);
  put(row.part(".about"), parts.filter(Boolean).join(" · "));
  row.element.classList.toggle("pinned", memory.pinned === true);
  row.part(".pin").hidden = memory.pinned === undefined;
  put(row.part(".pin"), memory.pinned ? "Unpin" : "Pin");
  for (const button of row.element.querySelectorAll(".actions button")) {
    button.setAttribute("aria-label", `${button.textContent}: ${memory.text}`);
  }
}

async function pin(row) {
  const { value } = await ask("PATCH", at(row.id), { pinned: !row.memory.pinned });
  replace(value);
}

async function edit(row) {
  await reread(row);
  row.field.value = row.memory.text;
  say(row.part(".problem"), "");
  row.form.hidden = false;
  row.part(".view").hidden = true;
  row.field.focus();
}

async function save(row) {
  try {
    const { value } = await ask("PATCH", at(row.id), { text: row.field.value }, row.etag);
    replace(value);
    close(row);
  } catch (error) {
    say(row.part(".problem"), error.status === 412 ? await editedElsewhere(row) : error.message);
  }
}

/** Reads the memory again: who saves once more replaces what they have now seen. */
async function editedElsewhere(row) {
  try {
    await reread(row);
    return `It was edited elsewhere meanwhile. Save again to replace what it says now: “${row.memory.text}”`;
  } catch (error) {
    return error.message;
  }
}

/** An edit names the ETag of what it edits, which only this answer has. */
async function reread(row) {
  const { value, etag } = await ask("GET", at(row.id));
  row.etag = etag;
  replace(value);
}

function close(row) {
  row.form.hidden = true;
  row.part(".view").hidden = false;
  row.part(".edit").focus();
}

async function remove(row) {
  if (!await confirmed("Delete this memory?", row.memory.text)) return;
  await ask("DELETE", at(row.id)).catch((error) => {
    // It is gone, whoever did it.
    if (error.status !== 404) throw error;
  });
  changes += 1;
  kept = kept.filter((memory) => memory.id !== row.id);
  found = found && found.filter((memory) => memory.id !== row.id);
  show();
  $("memories-title").focus();
}

function replace(memory) {
  const put = (list) => list.map((old) => (old.id === memory.id ? { ...old, ...memory } : old));
  changes += 1;
  kept = put(kept);
  found = found && put(found);
  show();
}

$("search").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(search);
});
$("query").addEventListener("input", () => {
  if (found && !$("query").value.trim()) showAll();
});
$("add").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(add);
});
$("more-memories").addEventListener("click", () => attempt(more));
