import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";

import { chromium, type Browser, type Page } from "playwright-core";
import { expect } from "vitest";

const PICTURES = new URL("../../.vitest/screenshots/", import.meta.url).pathname;
const LOOKS = [
  { width: 1280, scheme: "light" },
  { width: 1280, scheme: "dark" },
  { width: 400, scheme: "light" },
  { width: 400, scheme: "dark" },
] as const;

const PROGRAM = "/usr/bin/chromium";

/** Why no page can be looked at here; undefined: it can. */
export const noBrowser = existsSync(PROGRAM)
  ? undefined
  : "Chromium is not installed (apt install --no-install-recommends chromium)";

/** A sandbox of Chromium's own needs what root in a container has not; what it is shown here comes from this process. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: PROGRAM, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

export interface Look {
  readonly width: number;
  readonly scheme: "light" | "dark";
}

export interface Opened {
  readonly page: Page;
  /** What a page must not have done: complaints in its console, and requests to anywhere but its own origin. */
  readonly faults: readonly string[];
  /** Ends when the page is drawn as somebody with such a screen sees it. */
  readonly look: (look: Look) => Promise<void>;
}

/** A page at an address as a person has it open, on a wide light screen at first. */
export async function openPage(browser: Browser, url: string): Promise<Opened> {
  const faults: string[] = [];
  const context = await browser.newContext();
  const page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(String(error)));
  await context.route(
    (address) => address.origin !== new URL(url).origin && address.protocol !== "data:",
    async (route) => {
      faults.push(`asked for ${route.request().url()}`);
      await route.abort();
    },
  );
  const look: Opened["look"] = async ({ width, scheme }) => {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme: scheme });
    if ((await page.locator("figure.graph").count()) > 0) await page.locator(`html[data-graphs=${scheme}]`).waitFor();
  };
  await page.goto(url);
  await look({ width: 1280, scheme: "light" });
  return { page, faults, look };
}

/** Looks at a page in every way, with all of it unfolded, and leaves the pictures for people: nothing is amiss in any. */
export async function lookOver({ page, faults, look }: Opened, name: string): Promise<void> {
  mkdirSync(PICTURES, { recursive: true });
  await page.evaluate(`for (const one of document.querySelectorAll("details")) one.open = true`);
  for (const one of LOOKS) {
    await look(one);
    await page.screenshot({ path: join(PICTURES, `${name}-${one.width}-${one.scheme}.png`), fullPage: true });
    expect(await amiss(page), `${one.width} ${one.scheme}`).toEqual([]);
  }
  expect(faults).toEqual([]);
  await page.context().close();
}

/** What nobody should find on a page, whatever it shows. */
function amiss(page: Page): Promise<readonly string[]> {
  return page.evaluate<readonly string[]>(AMISS);
}

const AMISS = `(() => {
  const found = [];
  const all = (what) => [...document.querySelectorAll(what)];
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) found.push("the page is " + scrollWidth + " wide on " + clientWidth);
  for (const one of ["h1", "main", "body > header", "body > footer"])
    if (all(one).length !== 1) found.push("not one " + one);
  const names = new Set(all("[id]").map(({ id }) => id));
  if (names.size !== all("[id]").length) found.push("an id stands for two things");
  for (const one of all("svg, img"))
    if (!/[^ ]/.test((one.closest("[role=img]")?.getAttribute("aria-label") ?? "").replace("Graph:", "")))
      found.push("a picture without a name");
  for (const one of all("[aria-labelledby]"))
    if (!names.has(one.getAttribute("aria-labelledby"))) found.push("a name that is nowhere");
  return found;
})()`;
