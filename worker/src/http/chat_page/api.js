// Calls to the worker that served this page: the token, errors as the API tells them, server-sent events, and a turn that
// is followed through broken connections. In: what chat.js and memories.js ask; out: what the API answers. Knows nothing
// of the page.

const TOKEN = "companion.token";
/** The worker writes a comment after 10 s of silence; three missing ones mean that the connection is dead. */
const SILENCE_MS = 35_000;
/** Before each try to come back for the rest of a turn. */
const PAUSES_MS = [500, 1_000, 2_000, 4_000, 8_000];

/** The bearer token. It lives as long as the tab. */
export const token = {
  get: () => sessionStorage.getItem(TOKEN),
  keep: (text) => sessionStorage.setItem(TOKEN, text),
  forget: () => sessionStorage.removeItem(TOKEN),
};

let refused = () => {};
/** Calls `handler` with the API's reason whenever the token is not accepted. */
export const whenRefused = (handler) => { refused = handler; };

/** What went wrong, as the API says it. `status` is 0 where no answer came; `retryAfter` is in seconds. */
export class ApiError extends Error {
  constructor(message, { status = 0, code = "", retryAfter = 0, retryable } = {}) {
    super(message || "Something went wrong.");
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
    this.retryable = retryable ?? (status === 0 || status >= 500 || [401, 408, 409, 429].includes(status));
  }
}

/** A new Idempotency-Key. */
export function newKey() {
  // Only pages from https or localhost have randomUUID; the address of a Service is neither.
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Asks for JSON: what came, and the ETag that an edit of it names. */
export async function ask(method, path, body, ifMatch) {
  const response = await call(method, path, body, ifMatch && { "If-Match": ifMatch });
  const value = response.status === 204 ? null : await response.json();
  return { value, etag: response.headers.get("ETag") };
}

async function call(method, path, body, headers, signal) {
  const sent = { Authorization: `Bearer ${token.get()}`, ...headers };
  if (body) sent["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, { method, headers: sent, body: body && JSON.stringify(body), signal, cache: "no-store" });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError("The service cannot be reached. Is the connection up?");
  }
  if (response.ok) return response;
  const error = await failure(response);
  if (error.status === 401) refused(error.message);
  throw error;
}

async function failure(response) {
  // A proxy's error page is no JSON.
  const problem = await response.json().catch(() => ({}));
  const after = response.headers.get("Retry-After");
  const seconds = after && (Number(after) || Math.ceil((Date.parse(after) - Date.now()) / 1000));
  const retryAfter = seconds > 0 ? seconds : 0;
  let message = problem.detail ?? problem.message ?? `The service answered ${response.status} ${response.statusText}`.trim();
  if (retryAfter) message += ` (possible again in ${retryAfter} s)`;
  return new ApiError(message, { status: response.status, code: problem.code, retryAfter });
}

/**
 * Sends the message of `turn` (`conversation`, `body`, `key`), or, where it has an `id`, comes back for what follows its
 * event `last`; yields its events up to the last one. Both are noted in `turn`, so that it can be followed again later.
 * `breaking(try, of)` is called before each try to come back.
 */
export async function* follow(turn, signal, breaking) {
  for (let tries = 0; ; ) {
    let pause = 0;
    try {
      const response = await (turn.id ? comeBack(turn, signal) : send(turn, signal));
      for await (const event of serverSentEvents(response.body)) {
        tries = 0;
        turn.last = event.id;
        if (event.name === "turn") turn.id = event.data.turn_id;
        yield event;
        if (event.name === "done" || event.name === "error") return;
      }
    } catch (error) {
      // What the API refuses, it will refuse again; what it cannot do now, and what broke, is worth another try.
      if (signal.aborted || !turn.id || (error.status && error.status < 500 && error.status !== 429)) throw error;
      pause = 1_000 * (error.retryAfter ?? 0);
    }
    if (!turn.id || tries === PAUSES_MS.length) throw new ApiError("The connection broke before the reply was complete.");
    breaking(tries + 1, PAUSES_MS.length);
    await sleep(Math.max(pause, PAUSES_MS[tries++]), signal);
  }
}

function send(turn, signal) {
  const headers = { Accept: "text/event-stream", "Idempotency-Key": turn.key };
  return call("POST", `/api/v1/conversations/${turn.conversation.id}/messages`, turn.body, headers, signal);
}

function comeBack(turn, signal) {
  const headers = { Accept: "text/event-stream", "Last-Event-ID": turn.last };
  return call("GET", `/api/v1/turns/${turn.id}/events`, undefined, headers, signal);
}

/** The events of a stream, their data read as JSON, by the rules of the HTML standard, section 9.2.6. */
export async function* serverSentEvents(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  let afterCr = false;
  let event = { name: "", data: [], id: "" };
  try {
    for (;;) {
      const { value, done } = await within(SILENCE_MS, reader.read());
      // An event without the empty line that ends it is not one.
      if (done) return;
      let text = decoder.decode(value, { stream: true });
      // The other half of a CRLF that was cut in two.
      if (afterCr && text) text = text.replace(/^\n/, "");
      afterCr = text ? text.endsWith("\r") : afterCr && !value.length;
      const lines = (rest + text).split(/\r\n|\n|\r/);
      rest = lines.pop();
      for (const line of lines) {
        if (line !== "") {
          readField(event, line);
          continue;
        }
        if (event.data.length) yield { name: event.name || "message", id: event.id, data: JSON.parse(event.data.join("\n")) };
        event = { name: "", data: [], id: event.id };
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function readField(event, line) {
  const colon = line.indexOf(":");
  // A line that begins with a colon is a comment.
  if (colon === 0) return;
  const name = colon < 0 ? line : line.slice(0, colon);
  const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
  if (name === "data") event.data.push(value);
  else if (name === "event") event.name = value;
  else if (name === "id") event.id = value;
}

function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new ApiError("The service fell silent.")), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Resolves after `ms`, or rejects once `signal` says stop. */
export function sleep(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}
