// 綁定顧客: one's own customers, whatever became of their events, on one channel at a time.
import type { Page } from "@playwright/test";

import { expect, expectAccessible, test } from "./fixtures";
import { PHONES, chooseAll, keepTaipei, openList, sendTemplate, templateRequests } from "./people";

type Sent = { path: string; body: unknown };

async function openBound(page: Page, email: string) {
  await openList(page, email);
  await page.getByRole("link", { name: "綁定顧客" }).click();
  const list = page.getByRole("grid", { name: "綁定顧客清單" });
  await expect(list.getByRole("row").first()).toContainText(/./);
  return list;
}

async function begin(page: Page, what: string) {
  await page.getByRole("button", { name: "更多" }).click();
  await page.getByRole("menuitem", { name: what, exact: true }).click();
  await expect(page.getByRole("heading", { name: "選擇顧客" })).toBeVisible();
}

for (const channel of ["LINE", "WhatsApp"]) {
  test(`a broadcast to bound customers on ${channel}`, async ({ page }) => {
    await openBound(page, "sales@demo.test");
    await expectAccessible(page);
    await begin(page, "群發訊息");
    await expect(page.getByText("請先選擇渠道").first()).toBeVisible();
    await page.getByRole("radio", { name: channel }).click();
    await chooseAll(page);
    const mark = `綁定顧客 ${Date.now()}`;
    await page.getByRole("textbox", { name: "第 1 則文字" }).fill(mark);
    await expectAccessible(page);
    const send = page.getByRole("button", { name: /^發送給 [\d,]+ 位$/ });
    await expect(send).toBeEnabled();
    const reached = Number((await send.textContent())?.replace(/\D/g, ""));
    await send.click();
    const dialog = page.getByRole("dialog");
    await expect(dialog).toContainText(new RegExp(`將會收到${channel} [\\d,]+`));
    await dialog.getByRole("button", { name: "發送" }).click();
    await expect(page.getByText("已完成")).toBeVisible({ timeout: 40_000 });
    const requests: Sent[] = await (await page.request.get(`${PHONES}/control/requests`)).json();
    const sent = requests.filter(({ body }) => JSON.stringify(body ?? "").includes(mark));
    expect(sent).toHaveLength(reached);
    expect(sent.every(({ path }) => path.endsWith("/message/push") === (channel === "LINE"))).toBe(true);
  });
}

test("switching the channel clears the selection, with a way back; they are found by phone", async ({ page }) => {
  const list = await openBound(page, "sales@demo.test");
  await begin(page, "群發訊息");
  await page.getByRole("radio", { name: "LINE" }).click();
  await chooseAll(page);
  await page.getByRole("radio", { name: "WhatsApp" }).click();
  await expect(page.getByText("渠道已切換，選取已清除")).toBeVisible();
  await expect(page.getByText("尚未選取")).toBeVisible();
  await page.getByRole("button", { name: "復原" }).click();
  await expect(page.getByText(/已選取全部 [\d,]+ 位/).first()).toBeVisible();
  await page.getByRole("radio", { name: "WhatsApp" }).click();
  await expect(list.getByRole("row").first()).toContainText(/\+\d{9}/);
  const phone = (await list.getByRole("row").first().textContent())?.match(/\+\d{9,}/)?.[0] ?? "";
  await page.getByRole("searchbox", { name: "搜尋姓名或電話" }).fill(phone);
  await expect(list.getByRole("row")).toHaveCount(1);
});

test("a template goes to bound customers on WhatsApp", async ({ page }) => {
  await openBound(page, "sales@demo.test");
  await begin(page, "群發訊息範本");
  await expect(page.getByRole("radio", { name: "WhatsApp" })).toBeChecked();
  await chooseAll(page);
  await page.getByRole("button", { name: "挑選訊息範本" }).click();
  await keepTaipei(page);
  await page.getByRole("button", { name: /週年慶開跑/ }).click();
  const before = (await templateRequests(page, "anniversary_sale")).length;
  const reached = await sendTemplate(page);
  const sent = (await templateRequests(page, "anniversary_sale")).slice(before);
  expect(sent).toHaveLength(reached);
  expect(sent.every(({ status }) => status === 200)).toBe(true);
});

test("a manager sees the team's bound customers, and may not broadcast to them", async ({ page }) => {
  const list = await openBound(page, "manager@demo.test");
  await page.getByRole("tab", { name: "團隊名單" }).click();
  await expect(page).toHaveURL(/bound\/team/);
  await expect(list.getByRole("row").filter({ hasText: "銷售人員－陳小美" }).first()).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("button", { name: "更多" }).click();
  for (const what of ["群發訊息", "群發訊息範本"]) {
    await expect(page.getByRole("menuitem", { name: what, exact: true })).toHaveAttribute("aria-disabled", "true");
  }
});
