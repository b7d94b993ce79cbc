// The list of conversations beside a hand-written one with the same rows: 100,000 of them, 4× CPU throttle,
// 3 s of wheel flings each, alternating in one browser; the figures are ratios of medians within this run.
// Then: 全選 answers within a frame after the click, and the page's memory does not grow with the list.
import { readFile } from "node:fs/promises";

import { chromium } from "@playwright/test";

import { PASSWORD, figure, startProduct } from "./product.mjs";

const ROWS = 100_000;
const ROUNDS = 5;

const NAMES = ["陳怡君", "林志明", "Amy Chang", "王淑芬", "黃建宏", "張雅婷", "佐藤 美咲", "吳俊傑"];
const TEXTS = ["請問新款風衣什麼時候到店？", "好的，謝謝你！", "這件有 S 號嗎？ 😊", "我週六下午過去試穿", "收到，感謝"];
const NOW = Date.now();

function idOf(at) {
  return `01900000-0000-7000-8000-${String(at).padStart(12, "0")}`;
}

function rowAt(at) {
  const time = new Date(NOW - at * 20_000).toISOString();
  return {
    id: idOf(at), customer: idOf(at), name: NAMES[at % NAMES.length], channel: at % 3 ? "line" : "whatsapp",
    account: "ATELIER", account_id: idOf(0), status: "in_progress", owner: "陳小美", owner_id: idOf(1),
    last_text: TEXTS[at % TEXTS.length], last_is_image: false, last_message_at: time, last_inbound_at: time,
    unread: at % 7 === 0 ? at % 5 : 0, is_blocked: false, tags: [],
  };
}

/** Answers for the server, the same to both lists. */
async function answerEvents(route) {
  const { from, limit } = route.request().postDataJSON();
  let first = 0;
  if (from?.row !== undefined) first = from.row;
  if (from?.after) first = Number(from.after.split("-").at(-1)) + 1;
  const rows = Array.from({ length: Math.max(0, Math.min(limit, ROWS - first)) }, (_, at) => rowAt(first + at));
  await route.fulfill({ json: { rows, total: ROWS, selectable: ROWS } });
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

async function fling(page, devtools) {
  await page.evaluate(() => {
    const list = document.querySelector('[role="grid"]');
    list.scrollTop = 0;
    window.frames20 = 0;
    let before = performance.now();
    window.isMeasured = true;
    requestAnimationFrame(function frame(now) {
      if (now - before > 20) window.frames20 += 1;
      before = now;
      if (window.isMeasured) requestAnimationFrame(frame);
    });
  });
  const busy = async () => {
    const { metrics } = await devtools.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "TaskDuration").value;
  };
  const box = await page.locator('[role="grid"]').boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const before = await busy();
  const until = performance.now() + 3_000;
  let notch = 0;
  while (performance.now() < until) {
    // Flings: bursts of wheel notches, now and then a turn back.
    const deltaY = notch % 40 < 34 ? 900 : -700;
    notch += 1;
    await devtools.send("Input.dispatchMouseEvent", { type: "mouseWheel", x, y, deltaX: 0, deltaY });
  }
  const spent = (await busy()) - before;
  const frames = await page.evaluate(() => {
    window.isMeasured = false;
    return window.frames20;
  });
  return { frames, busy: spent, notches: notch };
}

async function heap(devtools) {
  await devtools.send("HeapProfiler.collectGarbage");
  const { usedSize } = await devtools.send("Runtime.getHeapUsage");
  return usedSize / 1e6;
}

const product = await startProduct({ customers: 300 });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
try {
  const context = await browser.newContext({ locale: "zh-TW", viewport: { width: 1440, height: 900 } });
  const answer = await context.request.post(`${product.base}/api/session`, {
    data: { email: "sales@demo.test", password: PASSWORD },
    headers: { origin: product.base },
  });
  if (!answer.ok()) throw new Error(`sign-in: ${answer.status()}`);

  const ours = await context.newPage();
  await ours.route("**/api/events", answerEvents);
  await ours.goto(`${product.base}/`);
  await ours.locator('[role="grid"] [role="row"]').first().waitFor();
  const style = await ours.locator('link[rel="stylesheet"]').first().getAttribute("href");

  const peer = await context.newPage();
  await peer.route("**/api/events", answerEvents);
  const html = (await readFile(new URL("vanilla_list.html", import.meta.url), "utf8"))
    .replace("<!--STYLE-->", `<link rel="stylesheet" href="${style}">`);
  await peer.route("**/peer", (route) => route.fulfill({ contentType: "text/html; charset=utf-8", body: html }));
  await peer.goto(`${product.base}/peer`);
  await peer.locator('[role="grid"] [role="row"]').first().waitFor();

  const tools = new Map();
  for (const page of [ours, peer]) {
    const devtools = await context.newCDPSession(page);
    await devtools.send("Performance.enable");
    tools.set(page, devtools);
  }
  const results = new Map([[ours, []], [peer, []]]);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const page of round % 2 ? [ours, peer] : [peer, ours]) {
      await page.bringToFront();
      await tools.get(page).send("Emulation.setCPUThrottlingRate", { rate: 4 });
      results.get(page).push(await fling(page, tools.get(page)));
      await tools.get(page).send("Emulation.setCPUThrottlingRate", { rate: 1 });
    }
  }
  const of = (page, name) => median(results.get(page).map((result) => result[name]));
  console.log("       ours", JSON.stringify(results.get(ours)));
  console.log("       peer", JSON.stringify(results.get(peer)));
  figure("frames over 20 ms, times the hand-written list's", of(ours, "frames") / Math.max(1, of(peer, "frames")), "×", 1.2);
  figure("main thread busy, times the hand-written list's", of(ours, "busy") / of(peer, "busy"), "×", 1.2);

  await ours.bringToFront();
  const before = await heap(tools.get(ours));
  await ours.evaluate(async () => {
    const list = document.querySelector('[role="grid"]');
    for (let part = 1; part <= 60; part += 1) {
      list.scrollTop = (list.scrollHeight * part) / 61;
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
  });
  figure("script memory after a walk through the list", (await heap(tools.get(ours))) - before, "MB more", 5);

  await ours.goto(`${product.base}/conversations/mine?mode=select`);
  const all = ours.getByRole("checkbox", { name: /全選/ });
  await all.waitFor();
  await ours.locator('[role="grid"] [role="row"]').first().waitFor();
  const frames = await ours.evaluate(
    () =>
      new Promise((resolve) => {
        const box = document.querySelector('[role="checkbox"], input[type="checkbox"]');
        let passed = 0;
        const count = () => {
          passed += 1;
          if (/100,000/.test(document.body.innerText)) resolve(passed);
          else if (passed > 120) resolve(Infinity);
          else requestAnimationFrame(count);
        };
        box.click();
        requestAnimationFrame(count);
      }),
  );
  figure("frames until 全選 shows its count", frames, "", 1);
} finally {
  await browser.close();
  await product.stop();
}
