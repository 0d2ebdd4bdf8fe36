import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { beginAttempt } from "../../src/main/serve/begin-attempt.ts";
import type { Failure } from "../../src/run/run-record.ts";
import { begunAttempts } from "../../src/store/begun-attempts.ts";
import { ordered } from "../builders/pipeline.ts";
import { runId } from "../manifest/run-records.ts";

const RUN = runId("a");

function begin(root: string, step: string): Promise<Failure | undefined> {
  const [work] = ordered(`version: 1\nsteps:\n  ship: ${step}\n`).steps;
  if (work === undefined) throw new Error("unreachable: there is one step");
  return beginAttempt(begunAttempts(root), RUN, { id: "ship-1", step: work });
}

const EFFECTS = "{ run: echo ship, effects: true }";
const OUTPUTS = "{ run: echo 1 > out, outputs: [out] }";

function place(): string {
  const root = mkdtempSync(join(tmpdir(), "sluice-begin-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  return root;
}

test("what changes the outside world begins once, what computes as often as it is asked to", async () => {
  const root = place();
  expect(await begin(root, EFFECTS)).toBeUndefined();
  expect(await begin(root, EFFECTS)).toMatchObject({ kind: "lost", why: expect.stringContaining("begun before") });
  expect(await begin(root, OUTPUTS)).toBeUndefined();
});

test("where nothing can be noted, or what was noted cannot be read, only what computes begins", async () => {
  const [unwritable, unreadable] = [place(), place()];
  writeFileSync(join(unwritable, "begun"), "");
  const lost = { kind: "lost", why: expect.stringContaining("nothing of it was done") };
  expect(await begin(unwritable, EFFECTS)).toMatchObject(lost);
  expect(await begin(unwritable, OUTPUTS)).toBeUndefined();
  expect(await begin(unreadable, OUTPUTS)).toBeUndefined();
  rmSync(join(unreadable, "begun", RUN), { recursive: true });
  writeFileSync(join(unreadable, "begun", RUN), "");
  expect(await begin(unreadable, EFFECTS)).toMatchObject(lost);
});
