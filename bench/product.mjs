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

const PROGRAMS = process.env.OMOCAST_BIN ?? "target/release";

/** Starts a program; resolves when it printed `words`, or at once when there are none to wait for. */
async function start(program, args, words) {
  const child = spawn(join(PROGRAMS, program), args, { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve, reject) => {
    let printed = "";
    child.stdout.on("data", (chunk) => {
      if (words && (printed += chunk).includes(words)) resolve();
    });
    child.on("exit", (code) => reject(new Error(`${program} ended with ${code}`)));
    if (!words) resolve();
  });
  return {
    /** Highest resident memory so far, in MB; files that are mapped from the disk are not counted. */
    async memory() {
      const status = await readFile(`/proc/${child.pid}/status`, "utf8");
      return Number(status.match(/RssAnon:\s+(\d+)/)[1]) / 1024;
    },
    async stop() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/**
 * The release build with `customers` customers, in a temporary folder.
 * With `apart` the server and the stand-ins are processes of their own once the customers are made.
 */
export async function startProduct({ customers, extra = [], apart = false }) {
  const data = await mkdtemp(join(tmpdir(), "omocast-bench-"));
  const [listen, sandbox] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const place = ["--listen", listen, "--data", data, "--assets", "dist"];
  let product = await start(
    "omocast-demo",
    [...place, "--sandbox", sandbox, "--customers", String(customers), ...extra],
    "ready",
  );
  let standIns;
  const base = `http://${listen}`;
  if (apart) {
    await product.stop();
    standIns = await start("omocast-sandbox", ["--listen", sandbox, "--state", join(data, "sandbox")]);
    const at = (path) => `http://${sandbox}/${path}`;
    const platforms = ["--line-url", at("line"), "--line-data-url", at("line-data"), "--graph-url", at("graph"), "--graph-instagram-url", at("graph-instagram"), "--web-url", at("web")];
    product = await start("omocast-server", ["serve", ...place, ...platforms]);
    const isReady = () => fetch(`${base}/readyz`).then((answer) => answer.ok, () => false);
    for (let tries = 0; !(await isReady()); tries += 1) {
      if (tries > 300) throw new Error("the server is not ready");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return {
    base,
    data,
    memory: () => product.memory(),
    async stop() {
      await product.stop();
      await standIns?.stop();
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
