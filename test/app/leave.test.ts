import { spawn } from "node:child_process";
import { once } from "node:events";

import { expect, test } from "vitest";

import { endsWithin } from "../../src/main/serve/leave.ts";

test("an end that comes is waited for, one that does not is given up, and a failure stays one", async () => {
  expect(await endsWithin(60_000, Promise.resolve())).toBe(true);
  expect(await endsWithin(1, new Promise(() => undefined))).toBe(false);
  await expect(endsWithin(60_000, Promise.reject(new Error("broken")))).rejects.toThrow("broken");
});

test("a process with a connection that hangs leaves all the same, with its code", async () => {
  const leave = new URL("../../src/main/serve/leave.ts", import.meta.url).href;
  const script = `import { createServer } from "node:net"; import { leaveSoon } from ${JSON.stringify(leave)};
    createServer().listen(0, () => { process.exitCode = leaveSoon(3); });`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: "inherit" });
  expect(await once(child, "exit")).toEqual([3, null]);
});
