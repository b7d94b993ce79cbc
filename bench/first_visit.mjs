// What the first visit to the list of conversations transfers, fonts excepted, and what it is made of.
import { chromium } from "@playwright/test";

import { PASSWORD, figure, signIn, startProduct } from "./product.mjs";

const product = await startProduct({ customers: 1_000 });
// The last receipts of the demo's own messages change the list, and the page would follow: what is measured is a visit alone.
const ask = await signIn(product.base, "sales@demo.test");
for (let before = "", now = "?"; before !== now; ) {
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  before = now;
  now = JSON.stringify(await ask("POST", "/api/events", { view: "mine", limit: 200 }));
}
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
try {
  // Signs in elsewhere, so that the visit itself begins with an empty cache.
  const context = await browser.newContext({ locale: "zh-TW" });
  const answer = await context.request.post(`${product.base}/api/session`, {
    data: { email: "sales@demo.test", password: PASSWORD },
    headers: { origin: product.base },
  });
  if (!answer.ok()) throw new Error(`sign-in: ${answer.status()}`);
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  await devtools.send("Network.enable");
  const requests = new Map();
  devtools.on("Network.responseReceived", ({ requestId, response, type }) => {
    requests.set(requestId, { url: response.url, type, encoding: response.headers["content-encoding"], bytes: 0 });
  });
  devtools.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    const request = requests.get(requestId);
    if (request) request.bytes = encodedDataLength;
  });
  await page.goto(`${product.base}/`);
  await page.getByRole("grid").getByRole("row").first().waitFor();
  // The live stream never ends, so "network idle" would not come: what the first screen needs is there now,
  // and the rest (other counts, the thread) follows at once.
  await page.waitForTimeout(2_000);
  let total = 0;
  for (const { url, type, encoding, bytes } of [...requests.values()].sort((a, b) => b.bytes - a.bytes)) {
    if (type === "Font" || bytes === 0) continue;
    total += bytes;
    console.log(`       ${(bytes / 1000).toFixed(1).padStart(7)} KB ${(encoding ?? "-").padEnd(4)} ${new URL(url).pathname}`);
  }
  figure("first visit", total / 1000, "KB", 240);
} finally {
  await browser.close();
  await product.stop();
}
