import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

import { expect, test } from "vitest";

test("a queued step takes less than a kilobyte, with 100,000 of them", { timeout: 60_000 }, () => {
  const script = fileURLToPath(new URL("footprint.ts", import.meta.url));
  const bytes = Number(execFileSync(process.execPath, ["--expose-gc", script], { encoding: "utf8" }));
  expect(bytes).toBeGreaterThan(50);
  expect(bytes).toBeLessThan(1_024);
});
