import { spawnSync } from "node:child_process";

import { expect, test } from "vitest";

import { openQueue, queueWords } from "../../src/queue/open-queue.ts";

const options = { data: "/nonexistent", holder: "test", onError: () => undefined };

test.each([
  "",
  "embedded",
  "embedded:somewhere",
  "mysql://u:secret@h/x",
  "redis",
  "http://h",
  "//h",
  "postgres://[bad",
])("%j is refused as malformed, with what it should be and one that works", async (url) => {
  const opened = await openQueue(url, options);
  expect(opened).toMatchObject({ kind: "refused", because: "malformed", variable: "SLUICE_QUEUE_URL" });
  if (opened.kind === "refused") {
    expect(opened.found).not.toContain("secret");
    expect(opened.expected).toContain("postgres://");
    expect(opened.example).toMatch(/^redis:/);
  }
});

test.each(["redis://user:secret@127.0.0.1:1", "postgres://user:secret@127.0.0.1:1/x"])(
  "%j is refused as away when nothing answers there, without its password",
  async (url) => {
    const opened = await openQueue(url, options);
    expect(opened).toMatchObject({ kind: "refused", because: "away" });
    expect(JSON.stringify(opened)).not.toContain("secret");
    expect(JSON.stringify(opened)).toContain("ECONNREFUSED");
    if (opened.kind === "refused") expect(queueWords(opened).why).toContain(opened.found);
  },
);

test("opening a file of this room loads no database", () => {
  const url = new URL("../../src/queue/open-queue.ts", import.meta.url).href;
  const script = `await import(${JSON.stringify(url)}); const { default: m } = await import("node:module");
    console.log(Object.keys(process.moduleLoadList ?? {}).length > 0, process.moduleLoadList.some((name) => / (net|tls)$/.test(name)));`;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" });
  expect(stdout.trim()).toBe("true false");
});
