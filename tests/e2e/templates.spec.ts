// 群發訊息範本 over the real server, and the stand-in of WhatsApp that refuses what Meta refuses.
import type { Page } from "@playwright/test";

import { expect, expectAccessible, test } from "./fixtures";
import { PHONES, chooseAll, keepTaipei, openList, sendTemplate, templateRequests } from "./people";

/** What a customer's phone tells of a template. */
type Template = { kind: "template"; content: { name: string; header: { kind: string } | null; body: string; buttons: { kind: string }[] } };

async function chooseTemplates(page: Page, email: string) {
  const list = await openList(page, email);
  await page.getByRole("button", { name: "更多" }).click();
  await page.getByRole("menuitem", { name: "群發訊息範本" }).click();
  await expect(page.getByRole("heading", { name: "選擇顧客" })).toBeVisible();
  return list;
}

test("customers of two WhatsApp accounts are a conflict, and Esc leaves the selection as it was", async ({ page }) => {
  await chooseTemplates(page, "sales@demo.test");
  await chooseAll(page);
  const words = page.getByText(/已選取全部 [\d,]+ 位/).first();
  const before = await words.textContent();
  await page.getByRole("button", { name: "挑選訊息範本" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("請重新選擇對話事件。訊息範本僅支援發送相同WhatsApp商業帳號的顧客");
  await expect(dialog.locator(":focus")).toHaveCount(1);
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(words).toHaveText(before ?? "");
  await page.getByRole("button", { name: "挑選訊息範本" }).click();
  await keepTaipei(page);
  await expect(page.getByRole("button", { name: /週年慶開跑/ })).toBeVisible();
  await expect(page.getByRole("button", { name: /限時特賣/ })).toHaveCount(0);
  await expectAccessible(page);
});

test("variables and buttons reach the phones, each customer called by their name", async ({ page }) => {
  await chooseTemplates(page, "sales@demo.test");
  await chooseAll(page);
  await page.getByRole("button", { name: "挑選訊息範本" }).click();
  await keepTaipei(page);
  await page.getByRole("searchbox", { name: "搜尋範本名稱" }).fill("專屬優惠");
  await page.getByRole("button", { name: /專屬優惠連結/ }).click();
  const deadline = `12 月 31 日 ${Date.now()}`;
  await expect(page.getByRole("button", { name: /^發送給/ })).toBeDisabled();
  await page.getByRole("textbox", { name: "內文 {{1}}" }).click();
  await page.getByRole("button", { name: "聯絡人名稱" }).first().click();
  await page.getByRole("textbox", { name: "內文 {{2}}" }).fill("有網址 https://shop.example.com");
  await page.getByRole("textbox", { name: "內文 {{2}}" }).blur();
  await expect(page.getByRole("textbox", { name: "內文 {{2}}" })).toHaveAttribute("aria-invalid", "true");
  await page.getByRole("textbox", { name: "內文 {{2}}" }).fill(deadline);
  await page.getByRole("textbox", { name: /按鈕「領取優惠」/ }).fill("vip2026");
  await expectAccessible(page);
  const reached = await sendTemplate(page);

  const requests = await templateRequests(page, "personal_offer");
  expect(requests).toHaveLength(reached);
  expect(requests.every(({ status }) => status === 200)).toBe(true);
  for (const { path, body } of requests.slice(0, 2)) {
    const address = `${PHONES}/phone/${path.split("/").at(-2)}/${body?.to ?? body?.recipient}`;
    const { messages }: { messages: Template[] } = await (await page.request.get(`${address}/messages`)).json();
    const shown = messages.filter((message) => message.kind === "template").at(-1);
    const name = (await (await page.request.get(address)).text()).match(/([^<>]+) 的手機/)?.[1].trim();
    expect(shown?.content.body).toContain(`親愛的 ${name} 您好`);
    expect(shown?.content.body).toContain(deadline);
    expect(shown?.content.buttons.map(({ kind }) => kind)).toEqual(["quick_reply", "quick_reply", "url"]);
  }
  // The report shows what was sent.
  await expect(page.getByText("專屬優惠連結").first()).toBeVisible();
});

test("a template without variables is sent as it is, and goes to those outside the 24 hours too", async ({ page }) => {
  const list = await chooseTemplates(page, "sales@demo.test");
  // Whoever messages do not reach any more is named in the list of 群發訊息; a template asks for no window.
  await chooseAll(page);
  await page.getByRole("button", { name: "挑選訊息範本" }).click();
  await keepTaipei(page);
  await expect(list.getByText("已逾 24 小時")).toHaveCount(0);
  await page.getByRole("button", { name: /週年慶開跑/ }).click();
  await expect(page.getByText("這個範本沒有需要填寫的內容，可以直接發送。")).toBeVisible();
  const before = (await templateRequests(page, "anniversary_sale")).length;
  const reached = await sendTemplate(page);
  const sent = (await templateRequests(page, "anniversary_sale")).slice(before);
  expect(sent).toHaveLength(reached);
  expect(sent.every(({ status }) => status === 200)).toBe(true);
});

test("from a broadcast, those outside their window go on to a template with one click", async ({ page }) => {
  await openList(page, "sales@demo.test");
  await page.getByRole("button", { name: "更多" }).click();
  await page.getByRole("menuitem", { name: "群發訊息", exact: true }).click();
  await chooseAll(page);
  const told = await page.getByText(/其中 [\d,]+ 位 WhatsApp 顧客可用訊息範本聯絡/).textContent();
  const barred = told?.match(/[\d,]+/)?.[0] ?? "";
  expect(barred).toMatch(/[1-9]/);
  await page.getByRole("button", { name: "改發訊息範本" }).click();
  await expect(page).toHaveURL(/kind=template/);
  await expect(page.getByText(`已選取 ${barred} 位`).first()).toBeVisible();
});

test.describe("on a phone", () => {
  test.use({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });

  test("the conflict, the template, the preview and back", async ({ page }) => {
    await chooseTemplates(page, "sales@demo.test");
    await chooseAll(page);
    await page.getByRole("button", { name: "下一步" }).click();
    await keepTaipei(page);
    await page.getByRole("button", { name: /試穿預約提醒/ }).click();
    await page.getByRole("textbox", { name: "內文 {{1}}" }).fill("貴賓");
    await page.getByRole("textbox", { name: "內文 {{2}}" }).fill("週六下午三點");
    await page.getByRole("textbox", { name: "內文 {{3}}" }).fill("信義門市");
    await expectAccessible(page);
    await page.getByRole("button", { name: "預覽", exact: true }).click();
    await expect(page.getByText("提醒您 週六下午三點 在 信義門市 的試穿預約")).toBeVisible();
    await expectAccessible(page);
    await page.goBack();
    await expect(page.getByRole("textbox", { name: "內文 {{2}}" })).toHaveValue("週六下午三點");
  });
});
