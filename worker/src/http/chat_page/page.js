// What the parts of the chat page share: elements, short texts, errors that are shown, and leave for what cannot be undone.

export const $ = (id) => document.getElementById(id);

/** A new element from a template of the page. */
export const copy = (template) => $(template).content.firstElementChild.cloneNode(true);

/** Shows `text` in `element`, or hides it where there is none. */
export function say(element, text) {
  element.textContent = text;
  element.hidden = !text;
}

/** Sets a text if it is another one: setting it again would be news to a screen reader and end a selection. */
export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A time as the hour if it is today, else as a day. */
export function day(text) {
  const date = new Date(text);
  const today = date.toDateString() === new Date().toDateString();
  return new Intl.DateTimeFormat(undefined, today ? { timeStyle: "short" } : { dateStyle: "medium" }).format(date);
}

/** How a memory was found, for people. */
export function how({ why, score }) {
  if (why === "pinned") return "pinned";
  const by = why === "words" ? "by words" : "by meaning";
  return Number.isFinite(score) ? `${by}, ${score.toFixed(2)}` : by;
}

/** Does what a person asked for, and shows what went wrong. */
export function attempt(work) {
  say($("notice-text"), "");
  $("notice").hidden = true;
  return work().catch(report);
}

/** Shows what went wrong. After a 401 the form that asks for a token says it. */
export function report(error) {
  if (error.status === 401) return;
  $("notice").hidden = false;
  say($("notice-text"), error.message);
}

/** Whether a person agrees to what cannot be undone. */
export function confirmed(title, text) {
  const dialog = $("confirm");
  $("confirm-title").textContent = title;
  $("confirm-text").textContent = text;
  // Escape closes it with the value that it has.
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

$("confirm-yes").addEventListener("click", () => $("confirm").close("yes"));
$("confirm-no").addEventListener("click", () => $("confirm").close(""));
$("notice-close").addEventListener("click", () => { $("notice").hidden = true; });
