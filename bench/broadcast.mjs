// How fast a broadcast of three messages to 10,000 customers is accepted and delivered, and what memory it takes.
// The platforms' stand-ins run in a process of their own, so that the memory is the server's.
import { figure, signIn, startProduct } from "./product.mjs";

const CUSTOMERS = 10_000;

// It begins at once.
process.env.OMOCAST_HOLD_SECONDS = "0";
const product = await startProduct({ customers: CUSTOMERS, extra: ["--all-mine"], apart: true });
try {
  const call = await signIn(product.base, "sales@demo.test");
  const request = {
    audience: { filter: {}, pick: { all_except: [] } },
    messages: ["新品到店", "本週六日九折", "歡迎預約試穿"].map((text) => ({ type: "text", text })),
  };
  const started = performance.now();
  let broadcast = await call("POST", "/api/broadcasts", request, { "idempotency-key": crypto.randomUUID() });
  figure("accepting 3 messages to the customers below", (performance.now() - started) / 1000, "s", 1);
  let memory = 0;
  while (broadcast.status !== "completed") {
    memory = Math.max(memory, await product.memory());
    await new Promise((resolve) => setTimeout(resolve, 200));
    broadcast = await call("GET", `/api/broadcasts/${broadcast.id}`);
  }
  figure("delivering all of it", (performance.now() - started) / 1000, "s");
  const { progress } = broadcast;
  figure("customers", Object.values(progress).reduce((a, b) => a + b, 0), "");
  console.log("      ", JSON.stringify(progress));
  figure("highest memory of the server", memory, "MB", 200);
} finally {
  await product.stop();
}
