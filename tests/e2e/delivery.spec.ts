// What is done with a broadcast once it is accepted: taken back while it is held, put off and cancelled, stopped in the middle.
import { createHmac } from "node:crypto";

import type { Page } from "@playwright/test";

import { expect, expectAccessible, test } from "./fixtures";
import { LINE_ACCOUNT, PHONES, chooseAll, openList, openSelection } from "./people";

async function compose(page: Page, words: string) {
  await openList(page, "sales@demo.test");
  await openSelection(page);
  await chooseAll(page);
  await page.getByRole("textbox", { name: "第 1 則文字" }).fill(words);
  await expect(page.getByRole("button", { name: /^發送給 [\d,]+ 位$/ })).toBeEnabled();
}

/** Through the check before sending, to the broadcast's page. */
async function send(page: Page) {
  await page.getByRole("button", { name: /^發送給 [\d,]+ 位$/ }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("將會收到");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: /^發送給/ }).click();
  await expect(page).toHaveURL(/broadcasts\//);
}

/** How many of the platforms' requests hold these words. */
async function requestsWith(page: Page, words: string) {
  const requests: { body: unknown }[] = await (await page.request.get(`${PHONES}/control/requests`)).json();
  return requests.filter(({ body }) => JSON.stringify(body ?? "").includes(words)).length;
}

async function setMonthlyLimit(page: Page, limit: number | null) {
  const answer = await page.request.post(`${PHONES}/control/monthly-limit`, { data: { account: LINE_ACCOUNT, value: limit } });
  expect(answer.ok()).toBe(true);
}

/** Whether the platforms lose what they would tell of messages that were sent. */
async function loseStatuses(page: Page, isLost: boolean) {
  const answer = await page.request.post(`${PHONES}/control/disorder`, { data: isLost ? { lost: 1 } : {} });
  expect(answer.ok()).toBe(true);
}

/** The demo team's number in Taipei. */
const TAIPEI = { name: "ATELIER 台北", number: "100000000000001", secret: "demo-whatsapp-app-secret" };

type WhatsappRequest = { path: string; body: { to?: string; recipient?: string } | null };

/** Somebody who got these words on WhatsApp from Taipei, and the message on their phone. */
async function someoneOnWhatsapp(page: Page, words: string) {
  const requests: WhatsappRequest[] = await (await page.request.get(`${PHONES}/control/requests`)).json();
  const found = requests.find(({ path, body }) => path.includes(`/${TAIPEI.number}/`) && JSON.stringify(body ?? "").includes(words));
  const user = found?.body?.to ?? found?.body?.recipient;
  const phone = await (await page.request.get(`${PHONES}/phone/${TAIPEI.number}/${user}`)).text();
  const bubble = phone.split('<li class="bubble').find((bubble) => bubble.includes(words));
  return { user, message: bubble?.match(/data-key="([^"]+)"/)?.[1] };
}

/** WhatsApp tells that a message which it had accepted is given up after all. */
async function tellFailed(page: Page, { user, message }: Awaited<ReturnType<typeof someoneOnWhatsapp>>, code: number) {
  const events: { rows: { account: string; account_id: string }[] } = await (await page.request.post("/api/events", { data: { view: "mine" } })).json();
  const account = events.rows.find(({ account }) => account === TAIPEI.name)?.account_id;
  const status = { id: message, status: "failed", timestamp: `${Math.floor(Date.now() / 1000)}`, recipient_id: user, errors: [{ code, title: "Business eligibility payment issue" }] };
  const value = { messaging_product: "whatsapp", metadata: { phone_number_id: TAIPEI.number }, statuses: [status] };
  const body = JSON.stringify({ object: "whatsapp_business_account", entry: [{ id: "0", changes: [{ field: "messages", value }] }] });
  const signature = createHmac("sha256", TAIPEI.secret).update(body).digest("hex");
  const headers = { "content-type": "application/json", "x-hub-signature-256": `sha256=${signature}` };
  const answer = await page.request.post(`/webhooks/whatsapp/${account}`, { data: Buffer.from(body), headers });
  expect(answer.ok()).toBe(true);
}

test("what is taken back while it is held reaches nobody, and stands in the composer again", async ({ page }) => {
  const mark = `復原 ${Date.now()}`;
  await compose(page, mark);
  await send(page);
  await page.getByRole("button", { name: "復原" }).click();
  const toast = page.getByText("已收回，沒有人收到");
  await expect(toast).toBeVisible();
  // What is told of it covers nothing of who will get it.
  const counts = page.getByText(/^[\d,]+ 位將會收到$/);
  await expect(counts).toBeVisible();
  const [above, below] = [await toast.boundingBox(), await counts.boundingBox()];
  expect(above!.y + above!.height).toBeLessThan(below!.y);
  await expect(page.getByRole("textbox", { name: "第 1 則文字" })).toHaveValue(mark);
  await expect(page.getByText(/已選取全部 [\d,]+ 位/).first()).toBeVisible();
  await expectAccessible(page);
  // Sent after all, it is another broadcast, and the first one stays where it was.
  await send(page);
  await expect(page.getByText("已完成")).toBeVisible({ timeout: 40_000 });
  await page.getByRole("button", { name: "返回群發訊息報表" }).click();
  const rows = page.getByRole("row").filter({ hasText: mark });
  await expect(rows).toHaveCount(2);
  await expect(rows.nth(1)).toContainText("已取消");
});

test.describe("put off", () => {
  // A time that is past is refused.
  test.use({ expectedErrors: [/422/] });

  test("a broadcast is put off, put off again, and cancelled before it begins", async ({ page }) => {
    const mark = `排程 ${Date.now()}`;
    await compose(page, mark);
    await page.getByRole("button", { name: "排程", exact: true }).click();
    const dialog = page.getByRole("dialog");
    const time = (days: number) => new Date(Date.now() + days * 86_400_000 + 8 * 3_600_000).toISOString().slice(0, 16);
    await dialog.getByLabel(/^開始時間/).fill(time(1));
    await expectAccessible(page);
    await dialog.getByRole("button", { name: /^排程發送給/ }).click();
    await expect(page.getByText("已排程")).toBeVisible();
    await expectAccessible(page);

    await page.getByRole("button", { name: "改時間" }).click();
    await dialog.getByLabel(/^開始時間/).fill(time(-1));
    await dialog.getByRole("button", { name: "改時間" }).click();
    await expect(dialog.getByText("請選擇至少一分鐘後的時間。")).toBeVisible();
    await dialog.getByLabel(/^開始時間/).fill(time(2));
    await dialog.getByRole("button", { name: "改時間" }).click();
    await expect(page.getByText("已改時間")).toBeVisible();

    await page.getByRole("button", { name: "取消排程" }).click();
    await dialog.getByRole("button", { name: "取消排程" }).click();
    await expect(page.getByText("已在開始前取消，沒有人收到。")).toBeVisible();
    expect(await requestsWith(page, mark)).toBe(0);
    await page.getByRole("button", { name: "開啟草稿" }).click();
    await expect(page.getByRole("textbox", { name: "第 1 則文字" })).toHaveValue(mark);
  });
});

test("what a platform gave up is sent again to whom it did not reach, and the two lead to each other", async ({ page }) => {
  const mark = `再送 ${Date.now()}`;
  await compose(page, mark);
  // Nothing is told of what becomes of the messages but what this test tells.
  await loseStatuses(page, true);
  try {
    await send(page);
    await expect(page.getByText("已完成")).toBeVisible({ timeout: 40_000 });
    const before = await requestsWith(page, mark);
    await tellFailed(page, await someoneOnWhatsapp(page, mark), 131042);
    await expect(page.getByRole("button", { name: /^傳送失敗：帳號的付款或註冊資料有問題，1 位/ })).toBeVisible();
    const first = page.url();
    await page.getByRole("button", { name: "重試 1 位" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "重試 1 位" }).click();
    const back = page.getByRole("link", { name: "這是重試，查看原本的群發訊息" });
    await expect(back).toBeVisible();
    await expect(page.getByText("已完成")).toBeVisible({ timeout: 20_000 });
    expect(await requestsWith(page, mark)).toBe(before + 1);
    await back.click();
    await expect(page).toHaveURL(first);
    await expect(page.getByText(/ 重試 1 位：已送出 1$/)).toBeVisible();
    await expectAccessible(page);
    await page.getByRole("link", { name: "查看重試" }).click();
    await expect(back).toBeVisible();
  } finally {
    await loseStatuses(page, false);
  }
});

test("what waits for an account that stopped is told, and the rest is stopped", async ({ page }) => {
  const mark = `停止 ${Date.now()}`;
  await compose(page, mark);
  await send(page);
  await setMonthlyLimit(page, 0);
  try {
    await expect(page.getByText(/^LINE「.+」已暫停：帳號本月額度已用完；[\d,]+ 位等待中/)).toBeVisible({ timeout: 30_000 });
    await expectAccessible(page);
    await page.getByRole("button", { name: /^停止其餘 [\d,]+ 位$/ }).click();
    await page.getByRole("dialog").getByRole("button", { name: "停止發送" }).click();
    await expect(page.getByText(/^已停止：已交付 [\d,]+ 位，其餘 [\d,]+ 位不再發送。$/)).toBeVisible();
    await page.getByRole("button", { name: /^略過：已停止或取消發送，/ }).click();
    await expect(page.getByRole("tab", { name: /^略過/ })).toBeFocused();
    await expectAccessible(page);
  } finally {
    await setMonthlyLimit(page, 10_000);
  }
});
