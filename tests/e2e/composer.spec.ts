// Writing a broadcast over the real server: every medium, drafts on two devices, saved replies, a test send, and bad input.
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Locator, Page } from "@playwright/test";

import { expect, expectAccessible, test } from "./fixtures";
import { LINE_ACCOUNT, PHONES, PICTURE, chooseAll, openList, openSelection, signIn } from "./people";

const ASSETS = resolve(import.meta.dirname, "../../crates/demo/assets");
const VIDEO = join(ASSETS, "runway.mp4");
const CATALOGUE = join(ASSETS, "autumn.pdf");

/** The demo's page, which speaks for one of the Instagram accounts too. */
const FACEBOOK_PAGE = "300000000000001";

/** What a customer's phone tells of a message. */
type Received = { from_customer: boolean; kind: string; text?: string; problem: string | null };
/** What a stand-in tells of a request it got. */
type Sent = { path: string; body: { to?: string; recipient?: { id: string } } | null };

/** The requests in which `words` were sent. */
async function requestsWith(page: Page, words: string): Promise<Sent[]> {
  const requests: Sent[] = await (await page.request.get(`${PHONES}/control/requests`)).json();
  return requests.filter(({ body }) => JSON.stringify(body ?? "").includes(words));
}

/** What the phone of one customer of each account shows from us, the newest last: of those who were sent `words`. */
async function phonesOfThoseWhoGot(page: Page, words: string): Promise<Map<string, Received[]>> {
  const phones = new Map<string, Received[]>();
  for (const { path, body } of await requestsWith(page, words)) {
    const account = path.endsWith("/message/push") ? LINE_ACCOUNT : (path.split("/").at(-2) ?? "");
    if (phones.has(account)) continue;
    const user = body?.recipient?.id ?? body?.to;
    const answer = await page.request.get(`${PHONES}/phone/${account}/${user}/messages`);
    // The page that speaks for an Instagram account has no phone of that customer.
    if (account === FACEBOOK_PAGE && !answer.ok()) continue;
    expect(answer.ok()).toBe(true);
    const { messages }: { messages: Received[] } = await answer.json();
    phones.set(account, messages.filter((message) => !message.from_customer));
  }
  return phones;
}

async function keepChannels(page: Page, names: string[]) {
  await page.getByRole("button", { name: "篩選" }).click();
  const dialog = page.getByRole("dialog");
  for (const name of names) await dialog.getByRole("checkbox", { name }).click();
  await dialog.getByRole("button", { name: "套用" }).click();
  await expect(dialog).toBeHidden();
}

const firstText = (page: Page) => page.getByRole("textbox", { name: "第 1 則文字" });
const filePicker = (page: Page) => page.locator('.composer input[type="file"]');

/** A composer in which nothing is written: earlier tests leave drafts behind. */
async function openComposer(page: Page, email: string, channels: string[] = []) {
  await openList(page, email);
  await openSelection(page);
  if (channels.length > 0) await keepChannels(page, channels);
  await chooseAll(page);
  await expect(firstText(page)).toBeVisible();
}

async function applySavedReply(page: Page, title: string) {
  await page.getByRole("button", { name: "預存回覆", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: title }).click();
  await dialog.getByRole("button", { name: "套用至對話框" }).click();
  await expect(dialog).toBeHidden();
}

async function send(page: Page, perCustomer: number) {
  const send = page.getByRole("button", { name: /^發送給 [\d,]+ 位$/ });
  await expect(send).toBeEnabled();
  await send.click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText(`${perCustomer} 則訊息，約 `);
  await dialog.getByRole("button", { name: "發送" }).click();
  await expect(page).toHaveURL(/broadcasts\//);
  await expect(page.getByText("已完成")).toBeVisible({ timeout: 40_000 });
}

test("five messages of five kinds reach a mixed selection in their order", async ({ page }) => {
  await openComposer(page, "sales@demo.test", ["Facebook", "WhatsApp"]);
  const mark = `秋冬預購 ${Date.now()} `;
  await firstText(page).fill(mark);
  await page.getByRole("button", { name: "表情符號" }).first().click();
  await page.getByRole("searchbox", { name: "搜尋表情符號" }).fill("蛋糕");
  await page.getByRole("gridcell", { name: /蛋糕/ }).first().click();
  await expect(firstText(page)).toHaveValue(/\p{Extended_Pictographic}/u);
  await page.keyboard.press("Escape");
  await filePicker(page).setInputFiles([join(ASSETS, "coat.jpg"), VIDEO, CATALOGUE]);
  await expect(page.getByTitle("autumn.pdf")).toBeVisible();
  await applySavedReply(page, "退換貨說明");
  await expectAccessible(page);
  await send(page, 5);

  const phones = await phonesOfThoseWhoGot(page, mark);
  expect(phones.size).toBeGreaterThanOrEqual(2);
  for (const messages of phones.values()) {
    expect(messages.slice(-5).map(({ kind, problem }) => [kind, problem])).toEqual([
      ["text", null],
      ["image", null],
      ["video", null],
      ["file", null],
      ["text", null],
    ]);
  }
});

test("what a chosen channel does not take is hidden, and all four get what all of them take", async ({ page }) => {
  await openComposer(page, "sales@demo.test");
  await expect(page.getByText("Instagram 不支援影片")).toBeVisible();
  await expect(page.getByText("LINE和Instagram 不支援檔案")).toBeVisible();
  await expect(page.getByRole("button", { name: "影片", exact: true })).toHaveCount(0);
  const mark = `四個渠道 ${Date.now()}`;
  await firstText(page).fill(`${mark} `);
  await page.getByRole("button", { name: "聯絡人名稱" }).first().click();
  await filePicker(page).setInputFiles([join(ASSETS, "coat.jpg"), VIDEO]);
  await expect(page.getByTitle("coat.jpg")).toBeVisible();
  await expect(page.getByRole("alert").filter({ hasText: "runway.mp4：Instagram 不支援影片" })).toBeVisible();
  await send(page, 2);

  const phones = await phonesOfThoseWhoGot(page, mark);
  expect(phones.size).toBeGreaterThanOrEqual(4);
  for (const messages of phones.values()) {
    const last = messages.slice(-2);
    expect(last.map(({ kind, problem }) => [kind, problem])).toEqual([["text", null], ["image", null]]);
    expect(JSON.stringify(last)).not.toContain("customer_name");
  }
});

/** Writes the first text, and waits until the server has it. */
async function keep(page: Page, text: string) {
  const kept = page.waitForResponse((answer) => answer.url().includes("/api/drafts/") && answer.request().method() === "PUT" && answer.ok());
  await firstText(page).fill(text);
  await kept;
  await expect(page.getByText("已儲存草稿")).toBeVisible();
}

test.describe("the same draft in two places", () => {
  // Chromium notes the refusal of what would overwrite the other's.
  test.use({ expectedErrors: [/409/] });

  test("a draft goes on from one device to the other, and two tabs do not overwrite each other", async ({ page, browser }) => {
    const email = "sales2@demo.test";
    const mark = `換裝置 ${Date.now()}`;
    await openComposer(page, email, ["LINE"]);
    await keep(page, mark);

    const phone = await (await browser.newContext({ locale: "zh-TW" })).newPage();
    await openList(phone, email);
    await openSelection(phone);
    await phone.getByRole("region", { name: "群發訊息" }).getByRole("button", { name: "更多" }).click();
    await phone.getByRole("menuitem", { name: "草稿" }).click();
    await phone.getByRole("dialog").getByRole("button", { name: mark }).first().click();
    await expect(firstText(phone)).toHaveValue(mark);
    // Those it was written to come along.
    await expect(phone.getByText("渠道：LINE")).toBeVisible();
    await keep(phone, `${mark}，在手機上`);

    // The first device goes on without having seen it.
    await firstText(page).fill(`${mark}，在電腦上`);
    await expect(page.getByRole("button", { name: "以這裡的為準" })).toBeVisible();
    await expect(page.getByRole("button", { name: /^發送給/ })).toBeDisabled();
    await expectAccessible(page);
    await expect(firstText(page)).toHaveValue(`${mark}，在電腦上`);
    await page.getByRole("button", { name: "改用別處的" }).click();
    await expect(firstText(page)).toHaveValue(`${mark}，在手機上`);
    // Once more, and now this one counts.
    await keep(phone, `${mark}，又在手機上`);
    await firstText(page).fill(`${mark}，又在電腦上`);
    await page.getByRole("button", { name: "以這裡的為準" }).click();
    await expect(page.getByText("已儲存草稿")).toBeVisible();
    await phone.reload();
    await expect(firstText(phone)).toHaveValue(`${mark}，又在電腦上`);
    await phone.context().close();
  });
});

test("a second tab follows what the first one writes", async ({ page, context }) => {
  const mark = `兩個分頁 ${Date.now()}`;
  await openComposer(page, "manager@demo.test");
  await keep(page, mark);
  const second = await context.newPage();
  await second.goto("/conversations/mine?mode=compose");
  await expect(firstText(second)).toHaveValue(mark);
  await firstText(page).fill(`${mark}，接著寫`);
  await expect(firstText(second)).toHaveValue(`${mark}，接著寫`);
});

test.describe("without a network", () => {
  // Chromium notes every request that a closed network stopped.
  test.use({ expectedErrors: [/ERR_INTERNET_DISCONNECTED/] });

  test("offline, what is written stays, and is sent to the server later", async ({ page, context }) => {
    const mark = `離線 ${Date.now()}`;
    await openComposer(page, "sales2@demo.test");
    await context.setOffline(true);
    await firstText(page).fill(mark);
    await expect(page.getByText("離線，草稿存在這台裝置")).toBeVisible();
    await context.setOffline(false);
    await expect(page.getByText("已儲存草稿")).toBeVisible();
    await page.reload();
    await expect(firstText(page)).toHaveValue(mark);
  });
});

test("a test goes to one's own test customers and to nobody else", async ({ page }) => {
  const mark = `測試 ${Date.now()}`;
  await openComposer(page, "sales@demo.test");
  await firstText(page).fill(mark);
  await page.getByRole("button", { name: "測試發送" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByText("陳小美的測試帳號").first()).toBeVisible();
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "發送測試" }).click();
  await expect(dialog.getByText("已送出")).toHaveCount(4);
  expect((await phonesOfThoseWhoGot(page, mark)).size).toBe(4);
  expect(await requestsWith(page, mark)).toHaveLength(4);
});

test("a saved reply is made, used in a conversation, and deleted", async ({ page }) => {
  const title = `公休 ${Date.now()}`;
  await openComposer(page, "sales@demo.test");
  await page.getByRole("button", { name: "預存回覆", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "新增預存回覆" }).click();
  await dialog.getByRole("button", { name: "儲存" }).click();
  await expect(dialog.getByRole("textbox", { name: "標題" })).toHaveAttribute("aria-invalid", "true");
  await dialog.getByRole("textbox", { name: "標題" }).fill(title);
  await dialog.getByRole("textbox", { name: "第 1 則文字" }).fill(`${title}，明天見`);
  await dialog.getByRole("button", { name: "儲存" }).click();
  await expect(dialog.getByRole("heading", { name: title })).toBeVisible();
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "關閉" }).first().click();

  await page.goto("/conversations/mine");
  await page.getByRole("grid", { name: "對話清單" }).getByRole("row").first().click();
  await page.getByRole("button", { name: "預存回覆", exact: true }).click();
  await dialog.getByRole("button", { name: title }).click();
  await dialog.getByRole("button", { name: "套用至對話框" }).click();
  await expect(page.getByRole("textbox", { name: "回覆訊息" })).toHaveValue(new RegExp(`${title}，明天見`));
  await page.getByRole("button", { name: "預存回覆", exact: true }).click();
  await dialog.getByRole("button", { name: title }).click();
  await dialog.getByRole("button", { name: "刪除" }).click();
  await dialog.getByRole("alert").getByRole("button", { name: "刪除" }).click();
  await expect(dialog.getByRole("button", { name: title })).toHaveCount(0);
});

test.describe("bad files", () => {
  let folder = "";
  test.beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "omocast-files-"));
  });
  test.afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("are refused beside the messages, each with its reason, and nothing is lost", async ({ page }) => {
    await openComposer(page, "sales@demo.test", ["WhatsApp"]);
    await firstText(page).fill("這裡不會不見");
    const huge = join(folder, "huge.mp4");
    writeFileSync(huge, Buffer.from("00000018667479706d703432000000006d70343269736f6d", "hex"));
    // Sparse: it is as large as it says, and is not read.
    truncateSync(huge, 900 * 1024 * 1024);
    const renamed = join(folder, "renamed.jpg");
    writeFileSync(renamed, "這不是圖片");
    const empty = join(folder, "empty.png");
    writeFileSync(empty, "");
    await filePicker(page).setInputFiles([huge, renamed, empty]);
    const refused = page.getByRole("alert");
    await expect(refused).toContainText("huge.mp4");
    await expect(refused).toContainText("renamed.jpg");
    await expect(refused).toContainText("empty.png");
    await expect(firstText(page)).toHaveValue("這裡不會不見");
    await expectAccessible(page);
  });

  test("of six pictures at once as many as fit are taken, and the others are named", async ({ page }) => {
    await openComposer(page, "sales@demo.test", ["LINE"]);
    await firstText(page).fill("一");
    for (let at = 2; at <= 4; at += 1) {
      await page.getByRole("button", { name: "文字", exact: true }).click();
      await page.getByRole("textbox", { name: `第 ${at} 則文字` }).fill(`${at}`);
    }
    const six = Array.from({ length: 6 }, (_, at) => ({ ...PICTURE, name: `${at + 1}.png` }));
    await filePicker(page).setInputFiles(six);
    await expect(page.getByRole("alert")).toContainText("這 5 個沒有加入：2.png、3.png、4.png、5.png和6.png");
    await expect(page.getByText("1.png", { exact: true })).toBeVisible();
  });
});

test.describe("a broken upload", () => {
  test.use({ expectedErrors: [/ERR_FAILED/] });

  test("can be tried again, and nothing is lost", async ({ page }) => {
    await openComposer(page, "sales@demo.test", ["LINE"]);
    await firstText(page).fill("還在");
    let isBroken = true;
    await page.route("**/api/media", (route) => (isBroken ? route.abort() : route.continue()));
    await filePicker(page).setInputFiles(PICTURE);
    const again = page.getByRole("button", { name: "重試" });
    await expect(again).toBeVisible();
    await expect(page.getByRole("button", { name: /^發送給/ })).toBeDisabled();
    isBroken = false;
    await again.click();
    await expect(page.getByText("符合 1 個渠道")).toBeVisible();
    await expect(page.getByRole("button", { name: /^發送給/ })).toBeEnabled();
    await expect(firstText(page)).toHaveValue("還在");
  });
});

test("a whole broadcast with the keyboard alone", async ({ page }) => {
  const mark = `鍵盤 ${Date.now()}`;
  const list = await openList(page, "sales2@demo.test");
  await expect(list).toBeVisible();
  await pressUntil(page, "Tab", page.getByRole("button", { name: "更多" }));
  await page.keyboard.press("Enter");
  await expect(page.getByRole("menuitem", { name: "群發訊息", exact: true })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("checkbox", { name: "全選" })).toBeFocused();
  await page.keyboard.press("Space");
  await expect(page.getByText(/已選取全部 [\d,]+ 位/).first()).toBeVisible();
  await pressUntil(page, "Tab", firstText(page));
  await page.keyboard.press("Control+A");
  await page.keyboard.type(mark);
  const send = page.getByRole("button", { name: /^發送給 [\d,]+ 位$/ });
  await expect(send).toBeEnabled();
  await pressUntil(page, "Tab", send);
  await page.keyboard.press("Enter");
  const confirm = page.getByRole("dialog").getByRole("button", { name: "發送" });
  await expect(confirm).toBeEnabled();
  await pressUntil(page, "Tab", confirm);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/broadcasts\//);
  await expect(page.getByText("已完成")).toBeVisible({ timeout: 40_000 });
  expect((await phonesOfThoseWhoGot(page, mark)).size).toBeGreaterThanOrEqual(1);
});

/** Presses a key until the focus is there. */
async function pressUntil(page: Page, key: string, wanted: Locator) {
  for (let pressed = 0; pressed < 60; pressed += 1) {
    if ((await wanted.count()) > 0 && (await wanted.first().evaluate((element) => element === document.activeElement))) return;
    await page.keyboard.press(key);
  }
  await expect(wanted.first()).toBeFocused();
}

test.describe("on a phone", () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

  test("a step a screen: choosing, writing, preview, and back by the browser's own way", async ({ page }) => {
    await signIn(page, "manager@demo.test");
    await page.goto("/conversations/mine?mode=select");
    await chooseAll(page);
    await page.getByRole("button", { name: "下一步" }).click();
    await expect(firstText(page)).toBeVisible();
    await expect(page.getByRole("button", { name: "表情符號" })).toHaveCount(0);
    await firstText(page).fill("手機上寫的");
    await page.getByRole("button", { name: "預覽", exact: true }).click();
    await expect(page.getByRole("heading", { name: "預覽" })).toBeVisible();
    await expect(firstText(page)).toBeHidden();
    await expectAccessible(page);
    await page.goBack();
    await expect(firstText(page)).toHaveValue("手機上寫的");
    await page.goBack();
    await expect(page.getByRole("heading", { name: "選擇顧客" })).toBeVisible();
  });
});
