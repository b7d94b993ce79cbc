// What three messages to 100,000 customers cost: the check, accepting, the memory while they go out, the disk; and
// stopping them.
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { figure, signIn, startProduct } from "./product.mjs";

const CUSTOMERS = 100_000;
/** How long it is watched while it goes out, in ms. */
const WATCHED = 30_000;

// It begins at once.
process.env.OMOCAST_HOLD_SECONDS = "0";
const product = await startProduct({ customers: CUSTOMERS, extra: ["--all-mine"], apart: true });

async function databaseSize() {
  const files = (await readdir(product.data)).filter((name) => name.startsWith("omocast.db"));
  const sizes = await Promise.all(files.map(async (name) => (await stat(join(product.data, name))).size));
  return sizes.reduce((a, b) => a + b, 0) / 1e6;
}

async function timed(act) {
  const started = performance.now();
  const result = await act();
  return [result, (performance.now() - started) / 1000];
}

try {
  const call = await signIn(product.base, "sales@demo.test");
  const request = {
    audience: { filter: {}, pick: { all_except: [] } },
    messages: ["新品到店", "本週六日九折", "歡迎預約試穿"].map((text) => ({ type: "text", text })),
  };
  const [, counted] = await timed(() => call("POST", "/api/audience/count", request.audience));
  figure("counting who is reached, while choosing", counted, "s", 0.3);
  const [checked, check] = await timed(() => call("POST", "/api/broadcasts/preflight", request));
  figure("the check before sending", check, "s", 1);
  const reached = checked.count.reached.reduce((sum, { customers }) => sum + customers, 0);
  const before = await databaseSize();
  const key = { "idempotency-key": crypto.randomUUID() };
  const [broadcast, accepted] = await timed(() => call("POST", "/api/broadcasts", request, key));
  figure(`accepting 3 messages to ${reached} customers`, accepted, "s", 5);
  const atFirst = await databaseSize();
  figure("the database grew by", atFirst - before, "MB");
  figure("that is for each customer", ((atFirst - before) * 1e6) / reached, "bytes");
  let memory = 0;
  const until = performance.now() + WATCHED;
  while (performance.now() < until) {
    memory = Math.max(memory, await product.memory());
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const path = `/api/broadcasts/${broadcast.id}`;
  const { progress } = await call("GET", path);
  const handedOver = progress.sent + progress.delivered + progress.read;
  const since = (await databaseSize()) - atFirst;
  figure("and since for each message handed over", (since * 1e6) / (3 * handedOver), "bytes");
  const [, page] = await timed(() => call("GET", path));
  figure("its page while it goes out", page, "s", 1);
  const [stopped, stop] = await timed(() => call("POST", `${path}/control`, { action: "stop" }));
  figure("stopping the rest", stop, "s", 5);
  console.log("      ", JSON.stringify(stopped.broadcast.progress));
  figure("highest memory of the server", Math.max(memory, await product.memory()), "MB", 300);
} finally {
  await product.stop();
}
