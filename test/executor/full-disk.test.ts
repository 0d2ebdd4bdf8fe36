import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import type { AttemptEnd } from "../../src/executor/executor.ts";
import { unlessDiskFull } from "../../src/executor/full-disk.ts";

const failed: AttemptEnd = {
  kind: "ended",
  failure: { kind: "exit", code: 1 },
  cancelled: false,
  profile: { wallMs: 1, cpuUserMs: null, cpuSystemMs: null, peakBytes: null, method: "none" },
};

function place(): { readonly root: string; readonly workspace: string } {
  const root = mkdtempSync(join(tmpdir(), "sluice-full-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  return { root, workspace: join(root, "workspace") };
}

test("a full disk is met also where what the step wrote cannot be taken away", () => {
  const { root, workspace } = place();
  // The device refuses whatever is written to it as a full disk does; there is no workspace to clear.
  symlinkSync("/dev/full", join(root, "probe"));

  const end = unlessDiskFull(failed, { root, workspace });

  expect(end.failure).toEqual({ kind: "disk-full", path: "." });
  expect(existsSync(join(root, "probe"))).toBe(false);
});

test("a step that fails while there is room failed by itself", () => {
  const { root, workspace } = place();
  mkdirSync(workspace);

  expect(unlessDiskFull(failed, { root, workspace })).toBe(failed);
  expect(existsSync(join(root, "probe"))).toBe(false);
});
