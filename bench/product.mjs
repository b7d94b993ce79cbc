// Starts the product with its demo team for a benchmark, and stops it.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const PASSWORD = "omocast-demo";

async function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** The release build of the demo with `customers` customers, in a temporary folder. */
export async function startProduct({ customers, extra = [] }) {
  const data = await mkdtemp(join(tmpdir(), "omocast-bench-"));
  const [port, sandboxPort] = [await freePort(), await freePort()];
  const binary = process.env.OMOCAST_DEMO_BIN ?? "target/release/omocast-demo";
  const args = [
    "--listen", `127.0.0.1:${port}`,
    "--sandbox", `127.0.0.1:${sandboxPort}`,
    "--data", data,
    "--assets", "dist",
    "--customers", String(customers),
    ...extra,
  ];
  const started = performance.now();
  const child = spawn(binary, args, { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve, reject) => {
    let printed = "";
    child.stdout.on("data", (chunk) => {
      printed += chunk;
      if (printed.includes("ready")) resolve();
    });
    child.on("exit", (code) => reject(new Error(`the demo ended with ${code}`)));
  });
  return {
    base: `http://127.0.0.1:${port}`,
    sandbox: `http://127.0.0.1:${sandboxPort}`,
    secondsToReady: (performance.now() - started) / 1000,
    /** Highest resident memory of the process so far, in MB. */
    async peakMemory() {
      const status = await readFile(`/proc/${child.pid}/status`, "utf8");
      return Number(status.match(/VmHWM:\s+(\d+)/)[1]) / 1024;
    },
    async stop() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
      await rm(data, { recursive: true, force: true });
    },
  };
}

/** A signed-in client of the HTTP interface. */
export async function signIn(base, email) {
  const headers = { "content-type": "application/json", origin: base };
  const answer = await fetch(`${base}/api/session`, {
    method: "POST",
    headers,
    body: JSON.stringify({ email, password: PASSWORD }),
  });
  if (!answer.ok) throw new Error(`sign-in: ${answer.status} ${await answer.text()}`);
  const cookie = answer.headers.get("set-cookie").split(";")[0];
  return async (method, path, body, more = {}) => {
    const answer = await fetch(base + path, {
      method,
      headers: { ...headers, cookie, ...more },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
}

/** Writes one figure with what it has to reach; a figure missed ends the run with an error. */
export function figure(name, value, unit, limit) {
  const shown = `${Math.round(value * 100) / 100} ${unit}`;
  const isMissed = limit !== undefined && value > limit;
  console.log(`${isMissed ? "MISSED" : "ok    "} ${name}: ${shown}${limit === undefined ? "" : ` (at most ${limit})`}`);
  if (isMissed) process.exitCode = 1;
}
