// Every page in both languages, light and dark, on a desk and on a phone: nothing that axe finds, nothing wider than the screen.
import { expect, expectAccessible, test } from "./fixtures";
import { openList, openSelection, signIn } from "./people";

const SCREENS = [
  { name: "desk", size: { width: 1440, height: 900 } },
  { name: "phone", size: { width: 390, height: 844 } },
] as const;

for (const scheme of ["light", "dark"] as const) {
  for (const { name, size } of SCREENS) {
    test.describe(`${name}, ${scheme}`, () => {
      test.use({ colorScheme: scheme, viewport: size });

      test("sign-in, conversations, selection, broadcasts", async ({ page }) => {
        await page.goto("/");
        await expect(page.getByRole("button", { name: "登入" })).toBeVisible();
        await expectFits(page);
        const list = await openList(page, "sales@demo.test");
        await expectFits(page);
        await list.getByRole("row").nth(2).click();
        await expect(page.getByRole("log")).toBeVisible();
        await expectFits(page);
        await page.goto("/conversations/mine?mode=select");
        await expect(page.getByRole("heading", { name: "選擇顧客" })).toBeVisible();
        await expectFits(page);
        await page.goto("/broadcasts");
        await expect(page.getByRole("heading", { name: "群發訊息報表" })).toBeVisible();
        await expectFits(page);
      });
    });
  }
}

test("the language can be changed and stays", async ({ page }) => {
  await openList(page, "sales@demo.test");
  await page.getByRole("button", { name: "設定" }).click();
  await page.getByRole("menuitemradio", { name: "English" }).click();
  await expect(page.locator("html")).toHaveAttribute("lang", "en");
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("lang", "en");
  await expectAccessible(page);
});

test("an admin's four lists fit beside each other, in English too", async ({ page }) => {
  await signIn(page, "admin@demo.test");
  await page.getByRole("button", { name: "設定" }).click();
  await page.getByRole("menuitemradio", { name: "English" }).click();
  const lists = page.getByRole("tablist");
  await expect(lists.getByRole("tab")).toHaveCount(4);
  await expect(lists.getByRole("tab").last()).toHaveText(/\d/);
  for (const { size } of SCREENS) {
    await page.setViewportSize(size);
    const excess = await lists.evaluate((element) => element.scrollWidth - element.clientWidth);
    expect(excess).toBeLessThanOrEqual(0);
  }
});

test("the focus goes to 全選 and back, and a reload keeps who is chosen", async ({ page }) => {
  const list = await openList(page, "sales@demo.test");
  await openSelection(page);
  await expect(page.getByRole("checkbox", { name: "全選" })).toBeFocused();
  await page.keyboard.press("Space");
  await list.getByRole("row", { selected: true }).first().click();
  const words = page.getByText(/已選取全部 [\d,]+ 位，排除 1 位/);
  const said = await words.textContent();
  await page.reload();
  await expect(words).toHaveText(said ?? "");
  await page.getByRole("button", { name: "離開選擇顧客" }).click();
  await expect(page.getByRole("button", { name: "更多" })).toBeFocused();
});

test("language and looks are chosen before signing in", async ({ page }) => {
  await page.goto("/");
  await page.getByRole("button", { name: "設定" }).click();
  await page.getByRole("menuitemradio", { name: "English" }).click();
  await expect(page.getByRole("heading", { name: "Sign in to omocast" })).toBeVisible();
  await expectAccessible(page);
});

test("a role that may not broadcast has no 群發訊息", async ({ page }) => {
  await signIn(page, "supervisor@demo.test");
  await expect(page.getByRole("button", { name: "更多" })).toHaveCount(0);
});

async function expectFits(page: import("@playwright/test").Page) {
  await expectAccessible(page);
  const excess = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(excess).toBeLessThanOrEqual(0);
}
