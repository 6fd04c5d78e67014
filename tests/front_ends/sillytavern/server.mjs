// A real SillyTavern as a process on this machine, for several users, with its data in a temporary folder.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

const READY_WITHIN = 180_000;
const installed = path.join(import.meta.dirname, "node_modules/sillytavern");

// What differs from its defaults: several users, and nothing opened, fetched or looked up.
const CONFIG = `
enableUserAccounts: true
browserLaunch: { enabled: false }
whitelistDockerHosts: false
enableDownloadableTokenizers: false
skipContentCheck: false
extensions: { enabled: false, autoUpdate: false, models: { autoDownload: false } }
backups: { chat: { enabled: false } }
thumbnails: { enabled: false }
`;

async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Runs `work` with its address. Its log is shown when that fails. */
export async function withSillyTavern(work) {
  const folder = mkdtempSync(path.join(tmpdir(), "companion-sillytavern-"));
  const data = path.join(folder, "data"), log = path.join(folder, "log");
  mkdirSync(data);
  // It compiles its page's libraries at every start; what it made before makes that quick.
  const compiled = path.join(installed, "../.companion-webpack");
  mkdirSync(compiled, { recursive: true });
  symlinkSync(compiled, path.join(data, "_webpack"));
  writeFileSync(path.join(folder, "config.yaml"), CONFIG);
  const port = await freePort();
  const output = openSync(log, "w");
  const options = ["--configPath", path.join(folder, "config.yaml"), "--dataRoot", data, "--port", `${port}`];
  // It goes when this script is killed, too.
  const command = ["--pdeathsig", "TERM", process.execPath, path.join(installed, "server.js"), ...options];
  const child = spawn("setpriv", command, {
    cwd: folder, stdio: ["ignore", output, output],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  try {
    const page = `http://127.0.0.1:${port}`;
    await ready(page, child);
    await work(page);
  } catch (error) {
    console.error("---- the end of SillyTavern's log ----");
    console.error(readFileSync(log, "utf8").split("\n").slice(-60).join("\n"));
    throw error;
  } finally {
    child.kill();
    const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(timer);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function ready(page, child) {
  const deadline = performance.now() + READY_WITHIN;
  for (;;) {
    assert.equal(child.exitCode, null, `SillyTavern ended with ${child.exitCode} before it was ready`);
    const answer = await fetch(`${page}/csrf-token`).catch(() => null);
    if (answer?.ok) return;
    assert.ok(performance.now() < deadline, `SillyTavern is not ready after ${READY_WITHIN} ms`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
