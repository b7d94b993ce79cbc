// The demo's people, and how a test acts as one of them.
import type { Page } from "@playwright/test";

import { expect } from "./fixtures";

export const PASSWORD = "omocast-demo";
export const PHONES = `http://127.0.0.1:${process.env.OMOCAST_E2E_SANDBOX_PORT}`;

/** The LINE official account of the demo team. */
export const LINE_ACCOUNT = "U0a7e11e2000000000000000000000001";

export async function signIn(page: Page, email: string) {
  await page.goto("/");
  await page.getByLabel("電子郵件").fill(email);
  await page.getByLabel("密碼").fill(PASSWORD);
  await page.getByRole("button", { name: "登入" }).click();
  await expect(page.getByRole("heading", { name: "對話" })).toBeVisible();
}

/** The list of conversations, with its rows. */
export async function openList(page: Page, email: string) {
  await signIn(page, email);
  const list = page.getByRole("grid", { name: "對話清單" });
  await expect(list.getByRole("row").first()).toContainText(/./);
  return list;
}

/** Into the selection of 群發訊息. */
export async function openSelection(page: Page) {
  await page.getByRole("button", { name: "更多" }).click();
  await page.getByRole("menuitem", { name: "群發訊息", exact: true }).click();
  await expect(page.getByRole("heading", { name: "選擇顧客" })).toBeVisible();
}

export async function chooseAll(page: Page) {
  await page.getByRole("checkbox", { name: "全選" }).click();
  await expect(page.getByText(/已選取全部 [\d,]+ 位/).first()).toBeVisible();
}

/** What the stand-in of WhatsApp tells of a request with a template. */
type TemplateRequest = { path: string; status: number | null; body: { to?: string; recipient?: string; type?: string; template?: { name: string } } | null };

/** The requests with this template that the stand-in took. */
export async function templateRequests(page: Page, name: string): Promise<TemplateRequest[]> {
  const requests: TemplateRequest[] = await (await page.request.get(`${PHONES}/control/requests`)).json();
  return requests.filter(({ body }) => body?.type === "template" && body.template?.name === name);
}

/** Of customers of two WhatsApp Business accounts, those of the first. */
export async function keepTaipei(page: Page) {
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("請重新選擇對話事件。訊息範本僅支援發送相同WhatsApp商業帳號的顧客");
  await dialog.getByRole("button", { name: /^只保留 .*台北.*（[\d,]+ 位）$/ }).click();
  await expect(dialog).toBeHidden();
}

/** Sends the template that is filled in, waits until nothing is left to hand over, and tells how many get it. */
export async function sendTemplate(page: Page): Promise<number> {
  const send = page.getByRole("button", { name: /^發送給 [\d,]+ 位$/ });
  await expect(send).toBeEnabled();
  const reached = Number((await send.textContent())?.replace(/\D/g, ""));
  await send.click();
  await page.getByRole("dialog").getByRole("button", { name: "發送" }).click();
  await expect(page).toHaveURL(/broadcasts\//);
  await expect(page.getByText("已完成")).toBeVisible({ timeout: 40_000 });
  return reached;
}

/** A picture as small as a PNG can be. */
export const PICTURE = {
  name: "coat.png",
  mimeType: "image/png",
  buffer: Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPj/HwADBwIAMCbHYQAAAABJRU5ErkJggg==",
    "base64",
  ),
};
