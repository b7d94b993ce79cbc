// What every end-to-end test holds its pages to, without saying so: no error in the console (a violated
// Content-Security-Policy is one), no exception, no request to another origin.
import AxeBuilder from "@axe-core/playwright";
import { expect, test as base, type Page } from "@playwright/test";

export { expect };

type Options = {
  /** Console errors that a test provokes on purpose, for instance a refused request. */
  expectedErrors: RegExp[];
};

export const test = base.extend<Options>({
  expectedErrors: [[], { option: true }],
  page: async ({ page, baseURL, expectedErrors }, use) => {
    const faults: string[] = [];
    page.on("console", (message) => {
      // The app asks who is signed in; before sign-in the answer is 401, and Chromium notes every 401.
      const isSignedOut = message.text().includes("401") && message.location().url.endsWith("/api/session");
      if (message.type() === "error" && !isSignedOut && !expectedErrors.some((expected) => expected.test(message.text()))) {
        faults.push(`console: ${message.text()} (${message.location().url})`);
      }
    });
    page.on("pageerror", (error) => faults.push(`exception: ${error.message}`));
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.protocol.startsWith("http") && url.origin !== baseURL) faults.push(`another origin: ${url}`);
    });
    await use(page);
    expect(faults).toEqual([]);
  },
});

/** Fails on every violation that axe finds in the page as it is now. */
export async function expectAccessible(page: Page) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, help, nodes }) => `${id}: ${help} (${nodes.map((node) => node.target.join(" ")).join(", ")})`)).toEqual([]);
}
