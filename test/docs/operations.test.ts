import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";

import { expect, test } from "vitest";

import { BIN, ENV, repository, type Bench } from "../sluice.ts";

const PAGE = readFileSync(join(import.meta.dirname, "../../docs/operations.md"), "utf8");
const blocks = [...PAGE.matchAll(/^```sh\n([^]*?)^```$/gm)].map((match) => match[1] ?? "");

const openssl = spawnSync("openssl", ["pkeyutl", "-help"], { encoding: "utf8" });
const missing = openssl.error !== undefined || !openssl.stderr.includes("-rawin") ? "openssl 3 is not here" : "";
const title = missing === "" ? "" : ` (skipped: ${missing})`;

/** One finished run, and a place outside of it. */
async function finished(): Promise<{ readonly bench: Bench; readonly env: NodeJS.ProcessEnv }> {
  const bench = repository({
    "pipelines/p.yaml": "version: 1\nsteps:\n  make: { run: echo made > out, outputs: [out] }\n",
  });
  bench.commit();
  await bench.sluice("run");
  const scratch = join(bench.root, ".git", "scratch");
  const bin = join(bench.root, ".git", "bin");
  for (const directory of [scratch, bin]) mkdirSync(directory);
  writeFileSync(join(bin, "sluice"), `#!/bin/sh\nexec ${BIN} "$@"\n`, { mode: 0o755 });
  return { bench, env: { ...ENV, SCRATCH: scratch, PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}` } };
}

test.skipIf(missing !== "")(`the commands of docs/operations.md work, one after the other${title}`, async () => {
  const { bench, env } = await finished();

  const script = ["set -eux -o pipefail", ...blocks].join("\n");
  const done = spawnSync("bash", ["-c", script], { cwd: bench.root, env, encoding: "utf8" });

  expect(done.status, `${done.stdout}\n${done.stderr}`).toBe(0);
  expect(done.stdout).toContain("Signature Verified Successfully");
  expect(blocks.length).toBeGreaterThan(8);
});

test.skipIf(missing !== "")(`the way to verify by hand notices a changed manifest${title}`, async () => {
  const { bench, env } = await finished();
  const verifying = blocks.find((block) => block.includes("openssl pkeyutl")) ?? "";
  const [before = "", after = ""] = verifying.split("# What is signed");
  execFileSync("bash", ["-eu", "-o", "pipefail", "-c", before], { cwd: bench.root, env });
  const manifest = join(env["SCRATCH"] ?? "", "manifest.json");
  writeFileSync(manifest, readFileSync(manifest, "utf8").replace("local", "elsewhere"));

  const done = spawnSync("bash", ["-eu", "-o", "pipefail", "-c", `# ${after}`], { cwd: bench.root, env, encoding: "utf8" });

  expect(done.status).not.toBe(0);
  expect(done.stdout).toContain("Signature Verification Failure");
});
