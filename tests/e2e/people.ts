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

/** A picture as small as a PNG can be. */
export const PICTURE = {
  name: "coat.png",
  mimeType: "image/png",
  buffer: Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPj/HwADBwIAMCbHYQAAAABJRU5ErkJggg==",
    "base64",
  ),
};
