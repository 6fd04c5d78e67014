// A wire between a front end and a worker: it passes everything on as it is, and writes down what went over it. What is kept
// for tests without a SillyTavern has no keys.
import http from "node:http";

export class Wire {
  exchanges = [];
  kept = {};

  static async open(worker) {
    const wire = new Wire();
    const target = new URL(worker);
    wire.server = http.createServer((request, response) => {
      const exchange = { method: request.method, path: request.url, headers: request.headers, body: "", answer: "" };
      wire.exchanges.push(exchange);
      const onward = http.request(
        { host: target.hostname, port: target.port, method: request.method, path: request.url, headers: request.headers },
        (answer) => {
          exchange.status = answer.statusCode;
          response.writeHead(answer.statusCode, answer.headers);
          answer.on("data", (piece) => { exchange.answer += piece; response.write(piece); });
          answer.on("end", () => response.end());
        },
      );
      onward.on("error", (error) => response.destroy(error));
      request.on("data", (piece) => { exchange.body += piece; onward.write(piece); });
      request.on("end", () => onward.end());
    });
    await new Promise((resolve) => wire.server.listen(0, "127.0.0.1", resolve));
    wire.url = `http://127.0.0.1:${wire.server.address().port}`;
    return wire;
  }

  /** Our object in the last answer to a completion. */
  lastCompanion() {
    const last = this.exchanges.findLast((item) => item.path === "/v1/chat/completions");
    const objects = last.answer.split("\n").map((line) => {
      try { return JSON.parse(line.replace(/^data: /, "")).companion; } catch { return undefined; }
    });
    return objects.findLast(Boolean) ?? {};
  }

  /** Keeps the last request to `path` as the first of its kind. */
  keep(kind, path = "/v1/chat/completions") {
    const { method, headers, body } = this.exchanges.findLast((item) => item.path === path);
    const { host, "content-length": length, ...kept } = headers;
    // What a person would type once and no reader needs twenty times.
    const short = body.replace(/(Robin loves plants\. ){2,}/, "Robin loves plants. … ");
    this.kept[kind] ??= { method, path, headers: { ...kept, authorization: "Bearer …" }, body: short ? JSON.parse(short) : null };
  }

  /** All that was kept; headers that all requests have stand once, at the top. */
  record() {
    const kept = Object.values(this.kept);
    const shared = Object.entries(kept[0].headers).filter(([name, value]) => kept.every((item) => item.headers[name] === value));
    const headers = Object.fromEntries(shared);
    for (const item of kept) {
      item.headers = Object.fromEntries(Object.entries(item.headers).filter(([name]) => !(name in headers)));
    }
    return { headers, requests: this.kept };
  }

  close() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }
}
