import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

const ROOT = join(import.meta.dirname, "..");

function cruise(directory: string): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve) => {
    const args = [
      join(ROOT, "node_modules/dependency-cruiser/bin/dependency-cruiser.mjs"),
      "--config",
      ".dependency-cruiser.mjs",
      "src",
      "action",
    ];
    execFile(process.execPath, args, { cwd: directory, maxBuffer: 1 << 26 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : 1, output: stdout + stderr }),
    );
  });
}

test("the import law holds, and is checked over every module", async () => {
  const { code, output } = await cruise(ROOT);

  expect(code, output).toBe(0);
  expect(Number(/(\d+) modules/.exec(output)?.[1])).toBeGreaterThan(100);
});

test("a planted violation is caught", async () => {
  const copy = mkdtempSync(join(tmpdir(), "sluice-law-"));
  onTestFinished(() => rmSync(copy, { recursive: true, force: true }));
  for (const name of ["src", "action", ".dependency-cruiser.mjs", "package.json", "tsconfig.json"])
    cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  writeFileSync(
    join(copy, "src/key/planted.ts"),
    'import { noPaint } from "../report/paint.ts";\nexport const planted = noPaint;\n',
  );
  writeFileSync(
    join(copy, "src/controller/planted.ts"),
    'import { filesystemStore } from "../store/filesystem-store.ts";\nexport const planted = filesystemStore;\n',
  );
  writeFileSync(
    join(copy, "src/run/planted.ts"),
    'import { planted } from "../plan/utils.ts";\nexport const again = planted;\n',
  );
  writeFileSync(
    join(copy, "src/plan/utils.ts"),
    'import { readFileSync } from "node:fs";\nexport const planted = readFileSync;\n',
  );

  writeFileSync(
    join(copy, "action/planted.ts"),
    'import { filesystemStore } from "../src/store/filesystem-store.ts";\nexport const planted = filesystemStore;\n',
  );

  const { code, output } = await cruise(copy);

  expect(code).toBe(1);
  for (const rule of [
    "ground-line-key",
    "verbs-see-ports-only",
    "ground-has-no-io",
    "no-dumping-grounds",
    "action-plans-and-no-more",
  ])
    expect(output).toContain(rule);
});
