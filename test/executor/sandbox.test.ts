import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { mountable } from "../../src/executor/sandbox.ts";
import { ENV, repository } from "../sluice.ts";

const ROOT = join(import.meta.dirname, "../..");

function place(): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "sluice-sandbox-")));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test("what lies below a shown directory is not mounted again, unless a link stands between", () => {
  const at = place();
  mkdirSync(join(at, "shown", "plain"), { recursive: true });
  mkdirSync(join(at, "elsewhere", "deep"), { recursive: true });
  symlinkSync("../elsewhere", join(at, "shown", "link"));
  const paths = (...names: string[]): string[] => names.map((name) => join(at, name));

  expect(mountable(paths("shown/plain", "shown"))).toEqual(paths("shown"));
  expect(mountable(paths("shown/link/deep", "shown"))).toEqual(paths("elsewhere/deep", "shown"));
  expect(mountable(paths("shown/link/deep", "shown", "elsewhere"))).toEqual(paths("elsewhere", "shown"));
  expect(mountable(paths("shown/link/deep"))).toEqual(paths("shown/link/deep"));
});

const bubblewrap = spawnSync("bwrap", ["--version"]).status === 0;

test.skipIf(!bubblewrap)(
  `a step runs in a sandbox where PATH leads into a checkout of ours whose node_modules is a link${bubblewrap ? "" : " (skipped: no bubblewrap here)"}`,
  () => {
    const checkout = join(place(), "checkout");
    for (const part of ["bin", "src", "pipelines-schema", "package.json"])
      cpSync(join(ROOT, part), join(checkout, part), { recursive: true });
    symlinkSync(realpathSync(join(ROOT, "node_modules")), join(checkout, "node_modules"));
    const path = join(dirname(checkout), "path");
    mkdirSync(path);
    symlinkSync(join(checkout, "bin", "sluice"), join(path, "sluice"));
    writeFileSync(join(path, "hello"), "#!/bin/sh\necho hello\n", { mode: 0o755 });
    const bench = repository({
      "sluice.yaml": "version: 1\nsandbox: require\n",
      "pipelines/p.yaml": "version: 1\nsteps:\n  make: { run: hello > out, outputs: [out] }\n",
    });
    bench.commit();

    const run = spawnSync(join(checkout, "bin", "sluice"), ["run"], {
      cwd: bench.root,
      env: { ...ENV, PATH: `${path}:${ENV["PATH"] ?? ""}` },
      encoding: "utf8",
    });

    expect(run.status, run.stderr).toBe(0);
  },
);
