// The whole path: choosing, writing, sending, following, and what the customers' phones show.
import { expect, expectAccessible, test } from "./fixtures";
import { LINE_ACCOUNT, PHONES, PICTURE, openList, openSelection } from "./people";

/** What the stand-ins tell of a request they got. */
type Sent = { path: string; body: { to?: string } };
/** What they tell of a message on a customer's phone. */
type Received = { from_customer: boolean; kind: string; problem: string | null };

test("a broadcast reaches the customers' phones, and their answer comes back", async ({ page, browser }) => {
  const list = await openList(page, "sales@demo.test");
  await openSelection(page);

  // 全選, then the funnel: only LINE and WhatsApp, then one unticked.
  await page.getByRole("checkbox", { name: "全選" }).click();
  await expect(page.getByRole("status").filter({ hasText: /已選取全部 [\d,]+ 位/ })).toBeVisible();
  const chosen = list.getByRole("row", { selected: true });
  const first = chosen.first();
  await expect(first).toBeVisible();
  await first.click();
  await expect(page.getByText(/已選取全部 [\d,]+ 位，排除 1 位/)).toBeVisible();
  await expectAccessible(page);

  // Two texts and an image.
  await page.getByRole("textbox", { name: "第 1 則文字" }).fill("秋季新品已到店 🍂");
  await page.getByRole("button", { name: "文字", exact: true }).click();
  await page.getByRole("textbox", { name: "第 2 則文字" }).fill("預約試穿：https://shop.example.com/fitting");
  await page.locator('input[type="file"]').first().setInputFiles(PICTURE);
  await expect(page.getByText("coat.png")).toBeVisible();
  await expectAccessible(page);

  const send = page.getByRole("button", { name: /^發送給 [\d,]+ 位$/ });
  await expect(send).toBeEnabled();
  await send.click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText(/將會收到.*LINE [\d,]+ · .*WhatsApp [\d,]+/);
  await expect(dialog).toContainText("3 則訊息，約 ");
  // Who will get it, one by one.
  const group = dialog.getByRole("button", { name: /將會收到/ });
  await group.click();
  await expect(group).toHaveAttribute("aria-expanded", "true");
  const customers = dialog.getByRole("list", { name: "將會收到" }).getByRole("listitem");
  await expect(customers).toHaveCount(50);
  await expect(customers.first().getByRole("link")).toHaveText(/./);
  await dialog.getByRole("button", { name: "顯示更多" }).click();
  await expect(customers).toHaveCount(100);
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "發送" }).click();

  // Every customer comes to rest where their platform's word ends.
  await expect(page).toHaveURL(/broadcasts\//);
  await expect(page.getByText("已完成")).toBeVisible({ timeout: 30_000 });
  await expectAccessible(page);

  // A customer of WhatsApp whose phone tells that the messages were read.
  await page.getByRole("tab", { name: /已讀/ }).click();
  await expect(page.getByRole("row").nth(1)).toBeVisible({ timeout: 15_000 });

  // The phone of a LINE customer: the three messages, in order, the picture looked at and found good.
  const requests: Sent[] = await (await page.request.get(`${PHONES}/control/requests`)).json();
  const push = requests.find(({ path, body }) => path.endsWith("/message/push") && JSON.stringify(body).includes("秋季新品"));
  const address = `${PHONES}/phone/${LINE_ACCOUNT}/${push?.body.to}`;
  const { messages }: { messages: Received[] } = await (await page.request.get(`${address}/messages`)).json();
  const received = messages.filter((message) => !message.from_customer).slice(-3);
  expect(received.map(({ kind, problem }) => [kind, problem])).toEqual([["text", null], ["text", null], ["image", null]]);
  const phone = await (await browser.newContext({ locale: "zh-TW" })).newPage();
  await phone.goto(address);
  await expect(phone.getByText("秋季新品已到店 🍂")).toBeVisible();
  await expectAccessible(phone);

  // The customer answers, and the answer appears in the conversation.
  const answer = `我週六過去 ${Date.now()}`;
  await phone.getByRole("textbox").fill(answer);
  await phone.getByRole("button", { name: "傳送", exact: true }).click();
  await page.getByRole("link", { name: "對話" }).click();
  const row = page.getByRole("grid", { name: "對話清單" }).getByRole("row").filter({ hasText: answer });
  await expect(row).toBeVisible();
  await row.click();
  await expect(page.getByRole("log").getByText(answer)).toBeVisible();
});

test("a web-channel event is listed, not selectable, and says why", async ({ page }) => {
  const list = await openList(page, "sales@demo.test");
  await openSelection(page);
  const visitor = list.getByRole("row").filter({ hasText: "網頁渠道不支援" }).first();
  for (let notch = 0; notch < 60 && !(await visitor.isVisible()); notch += 1) {
    await list.hover();
    await page.mouse.wheel(0, 500);
    await expect(list.getByRole("row").first()).toBeVisible();
  }
  await expect(visitor).toHaveAttribute("aria-disabled", "true");
  await visitor.click({ force: true });
  await expect(page.getByText("尚未選取")).toBeVisible();
});

test("the whole selection works with the keyboard alone", async ({ page }) => {
  const list = await openList(page, "sales@demo.test");
  await page.getByRole("button", { name: "更多" }).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("menuitem", { name: "群發訊息", exact: true })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "選擇顧客" })).toBeVisible();
  await list.focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("Space");
  await expect(page.getByText("已選取 1 位")).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Space");
  await expect(page.getByText(/已選取 [12] 位/)).toBeVisible();
});

test("the funnel narrows the list by channel, name and tags", async ({ page }) => {
  const list = await openList(page, "sales@demo.test");
  await openSelection(page);
  await page.getByRole("button", { name: "篩選" }).click();
  const dialog = page.getByRole("dialog");
  await expectAccessible(page);
  await dialog.getByRole("checkbox", { name: "WhatsApp" }).click();
  await dialog.getByRole("button", { name: "套用" }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByText("渠道：WhatsApp")).toBeVisible();
  await expect(list.getByRole("img", { name: "LINE" })).toHaveCount(0);
  await page.getByRole("checkbox", { name: "全選" }).click();
  await expect(page.getByText(/已選取全部 [\d,]+ 位/).first()).toBeVisible();
});
