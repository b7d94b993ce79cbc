// The whole product in the installed Chromium, over the real server, store and connectors; only the platforms are stand-ins.
// `cargo xtask test e2e` builds everything and sets the variables; without it: build the SPA and the demo, then `npx playwright test -c tests/e2e`.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { defineConfig, devices } from "@playwright/test";

const root = resolve(import.meta.dirname, "../..");

function freePort() {
  const script =
    "const s = require('node:net').createServer().listen(0, '127.0.0.1', () => { console.log(s.address().port); s.close(); });";
  return execFileSync(process.execPath, ["-e", script]).toString().trim();
}

// Playwright reads this file in every process: what one process chooses, the others find in the environment.
const port = (process.env.OMOCAST_E2E_PORT ??= freePort());

// The customers' phones, where the platforms' stand-ins listen.
const sandboxPort = (process.env.OMOCAST_E2E_SANDBOX_PORT ??= freePort());

if (!process.env.OMOCAST_E2E_DATA) {
  const folder = mkdtempSync(join(tmpdir(), "omocast-e2e-"));
  process.env.OMOCAST_E2E_DATA = folder;
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
}

const demo = process.env.OMOCAST_DEMO_BIN ?? join(root, "target/debug/omocast-demo");
const chromium = process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => existsSync(path));
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

export default defineConfig({
  testDir: ".",
  outputDir: join(root, "test-results"),
  // One server with one store: tests that ran at once would see each other's broadcasts.
  workers: 1,
  fullyParallel: false,
  // A test that passes only sometimes is to be mended, not repeated.
  retries: 0,
  forbidOnly: !!process.env.CI,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [["list"], ["json", { outputFile: process.env.OMOCAST_E2E_REPORT ?? join(root, "test-results/report.json") }]],
  use: {
    ...devices["Desktop Chrome"],
    baseURL: `http://127.0.0.1:${port}`,
    locale: "zh-TW",
    timezoneId: "Asia/Taipei",
    trace: "retain-on-failure",
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: chromium,
      // The last five: a browser that calls home at every start waits for answers that never come in a closed network.
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
  webServer: {
    command: [
      demo,
      ...["--listen", `127.0.0.1:${port}`],
      ...["--sandbox", `127.0.0.1:${sandboxPort}`],
      ...["--data", process.env.OMOCAST_E2E_DATA],
      ...["--assets", join(root, "dist")],
      ...["--customers", "400"],
    ]
      .map(quoted)
      .join(" "),
    // Printed when the demo's customers are all there.
    wait: { stdout: /^ready$/m },
    cwd: root,
    // Long enough to press 復原, and no longer: every test that sends waits for it.
    env: { OMOCAST_HOLD_SECONDS: "4" },
    reuseExistingServer: false,
    timeout: 120_000,
    stdout: "pipe",
    stderr: "pipe",
    gracefulShutdown: { signal: "SIGTERM", timeout: 5_000 },
  },
});
