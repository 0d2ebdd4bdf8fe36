import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { repository, type Bench } from "../sluice.ts";
import { onTerminal, screenAfter } from "./pseudo-terminal.ts";

const ESC = String.fromCharCode(27);

/** `wait` runs until the test lets it go. */
function waiting(): Bench & { readonly go: () => void; readonly gate: string } {
  const bench = repository({ "sluice.yaml": "version: 1\nsandbox: off\n" });
  const gate = join(bench.root, ".git", "go");
  bench.write(
    "pipelines/p.yaml",
    `version: 1
steps:
  first: { run: echo 1 > first, outputs: [first] }
  wait: { run: 'until test -e ${gate}; do sleep 0.05; done; cp first wait', inputs: [first], outputs: [wait] }
  last: { run: cp wait last, inputs: [wait], outputs: [last] }
`,
  );
  bench.commit();
  return { ...bench, gate, go: () => writeFileSync(gate, "") };
}

test("on a terminal a run is drawn in place: what runs with its time, how much is done; nothing of it stays", async () => {
  const bench = waiting();
  const terminal = onTerminal(bench, "run", { columns: 70, rows: 20 });

  await terminal.until((output) => output.includes("▶ wait  1 s"));
  const during = screenAfter(terminal.output(), 70);
  bench.go();
  const code = await terminal.exited;

  expect(code).toBe(0);
  expect(during.cursor).toBe(false);
  const shown = during.lines.filter((line) => line !== "");
  expect(shown[0]).toMatch(/^✓ first {2}/);
  expect(shown[1]).toMatch(/^━{6}─{14} 1 of 3 done · 1 s$/);
  expect(shown[2]).toMatch(/^▶ wait {2}1 s /);
  expect(shown).toHaveLength(3);
  const after = screenAfter(terminal.output(), 70);
  const left = after.lines.filter((line) => line !== "");
  expect(after.cursor).toBe(true);
  expect(left.slice(0, 3).map((line) => line.slice(0, 8).trimEnd())).toEqual(["✓ first", "✓ wait", "✓ last"]);
  expect(left[3]).toMatch(/^Run \w{4} succeeded: 3 of 3 steps done/);
  expect(left.join("\n")).not.toMatch(/[━─▶]/);
});

test("it is drawn at most ten times a second", async () => {
  const bench = waiting();
  const terminal = onTerminal(bench, "run", { columns: 70, rows: 20 });

  await terminal.until((output) => output.includes("▶ wait  2 s"));
  bench.go();
  await terminal.exited;

  const drawings = terminal.output().split("─ ").length;
  expect(drawings).toBeLessThanOrEqual(10 * 4);
  expect(drawings).toBeGreaterThanOrEqual(2);
});

test("colours only where they are wanted, the cursor in any case", async () => {
  const bench = waiting();
  bench.go();

  const plain = onTerminal(bench, "run", { columns: 80, rows: 20 });
  await plain.exited;
  const coloured = onTerminal(bench, "run --force first", { columns: 80, rows: 20, env: { NO_COLOR: "" } });
  await coloured.exited;

  expect(plain.output()).not.toContain(`${ESC}[32m`);
  expect(coloured.output()).toContain(`${ESC}[32m✓${ESC}[39m first`);
});

test("a narrow terminal gets lines that fit, and one that becomes narrower is left clean", async () => {
  const bench = waiting();
  const resized = join(bench.root, ".git", "resize");
  const after = `(until test -e ${resized}; do sleep 0.05; done; stty cols 18 < /dev/tty; touch ${resized}.done) &`;
  const terminal = onTerminal(bench, "run", { columns: 60, rows: 20, after });

  await terminal.until((output) => output.includes("▶ wait  1 s"));
  const before = terminal.output().length;
  writeFileSync(resized, "");
  await terminal.until((output) => /▶ wait {2}\d s[^\r\n]*…/.test(output.slice(before)));
  const lines = terminal
    .output()
    .slice(before)
    .split(/\r?\n|\r/);
  bench.go();
  const code = await terminal.exited;

  expect(code).toBe(0);
  expect(existsSync(`${resized}.done`)).toBe(true);
  const drawn = lines.at(-1) ?? "";
  expect([...drawn.replaceAll(new RegExp(`${ESC}\\[[?\\d;]*[A-Za-z]`, "g"), "")].length).toBeLessThanOrEqual(17);
});

test("Ctrl-C gives the cursor back and says how to go on", async () => {
  const bench = waiting();
  const terminal = onTerminal(bench, "run", { columns: 80, rows: 20 });

  await terminal.until((output) => output.includes("▶ wait"));
  terminal.type("\u0003");
  const code = await terminal.exited;

  expect(code).toBe(130);
  const { lines, cursor } = screenAfter(terminal.output(), 80);
  expect(cursor).toBe(true);
  expect(lines.join("\n")).toContain("`sluice run` goes on from there");
  expect(lines.join("\n")).not.toContain("━");
});

test.skipIf(process.platform !== "linux")(
  `Ctrl-Z leaves a clean line with a cursor, and the view comes back${process.platform === "linux" ? "" : " (skipped: reads /proc)"}`,
  async () => {
    const bench = waiting();
    const terminal = onTerminal(bench, "run", { columns: 80, rows: 20 });
    await terminal.until((output) => output.includes("▶ wait  1 s"));
    const status = JSON.parse((await bench.sluice("status", "--json")).stdout) as { holder: number };
    const before = terminal.output().length;

    process.kill(status.holder, "SIGTSTP");
    await stopped(status.holder);
    // `script` stops itself after its child, and what continues it before that is lost.
    await stopped(Number(terminal.child.pid));
    terminal.child.kill("SIGCONT");
    process.kill(status.holder, "SIGCONT");
    await terminal.until((output) => output.slice(before).includes(`${ESC}[?25l`));
    bench.go();
    const code = await terminal.exited;

    expect(code).toBe(0);
    const after = terminal.output().slice(before);
    expect(after).toContain(`${ESC}[?25h`);
    expect(after.indexOf(`${ESC}[?25h`)).toBeLessThan(after.indexOf(`${ESC}[?25l`));
  },
);

async function stopped(pid: number): Promise<void> {
  const state = () => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.[0];
  while (state() !== "T") await new Promise((resolve) => setImmediate(resolve));
}

test("a dumb terminal and a pipe get plain lines", async () => {
  const bench = waiting();
  bench.go();

  const dumb = onTerminal(bench, "run", { columns: 80, rows: 20, env: { TERM: "dumb" } });
  await dumb.exited;
  const piped = await bench.sluice("run", "--force", "first");

  expect(dumb.output()).not.toContain(ESC);
  expect(dumb.output()).toContain("▶ first");
  expect(piped.stderr).not.toContain(ESC);
  expect(piped.stderr).toContain("▶ first  forced");
});
