import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { ownEnvironments, type FoundEnvironment } from "../../src/executor/environment.ts";
import type { Environment } from "../../src/pipeline/pipeline.ts";
import type { Failure } from "../../src/run/run-record.ts";

function place(files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), "sluice-own-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  write(directory, files);
  return directory;
}

function write(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
}

function found(project: string, environment: Environment): FoundEnvironment | Failure {
  const building = { log: "", signal: new AbortController().signal };
  return ownEnvironments(project).prepare({ environment, tools: {} }, building) as FoundEnvironment | Failure;
}

const SITE = ".venv/lib/python3.11/site-packages";
const MODULE = "def say():\n    return 1\n";
const RECORD = `hello.py,sha256=${createHash("sha256").update(MODULE).digest("base64url")},${MODULE.length}
../../../bin/hello,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0
hello-1.0.dist-info/RECORD,,
__pycache__/hello.pyc,,
`;
const VENV: Environment = { kind: "venv", path: ".venv", lock: "requirements.txt" };

function venv(): string {
  return place({
    "requirements.txt": "hello==1.0\n",
    ".venv/bin/python": "",
    ".venv/bin/hello": "",
    [`${SITE}/hello.py`]: MODULE,
    [`${SITE}/hello-1.0.dist-info/RECORD`]: RECORD,
  });
}

test("a package whose files are those that were installed is what its lock pins", () => {
  const project = venv();
  // Written to, with the same bytes.
  const later = new Date(Date.now() + 60_000);
  utimesSync(join(project, SITE, "hello.py"), later, later);

  expect(found(project, VENV)).toMatchObject({ drift: undefined, environment: { readOnly: [join(project, ".venv")] } });
});

test.each([
  ["of another size", `${MODULE}\n`],
  ["of the same size", MODULE.replace("1", "2")],
  ["that is gone", undefined],
])("a package with a file %s is not, whatever its version says", (_, text) => {
  const project = venv();
  const file = join(project, SITE, "hello.py");
  if (text === undefined) rmSync(file);
  else {
    writeFileSync(file, text);
    const later = new Date(Date.now() + 60_000);
    utimesSync(file, later, later);
  }

  expect(found(project, VENV)).toMatchObject({
    drift: {
      kind: "refused",
      why: "`.venv` is not what `requirements.txt` pins: `hello` 1.0 was changed after it was installed (`hello.py`)",
      next: expect.stringContaining(".venv/bin/pip install --force-reinstall -r requirements.txt") as string,
    },
  });
});

test("uv's environment is the one beside its lock", () => {
  const lock = '[[package]]\nname = "hello"\nversion = "2.0"\n';
  const project = place({ "sub/uv.lock": lock });
  const environment: Environment = { kind: "uv", path: "sub", lock: "sub/uv.lock" };

  expect(found(project, environment)).toMatchObject({
    why: "there is no environment at `sub/.venv`",
    next: "uv sync --frozen --project sub",
  });
  write(project, { "sub/.venv/bin/python": "", [`sub/${SITE}/hello-1.0.dist-info/METADATA`]: "" });
  expect(found(project, environment)).toMatchObject({
    drift: { why: "`sub/.venv` is not what `sub/uv.lock` pins: `hello` is 1.0 instead of 2.0" },
  });
});

test("conda's is found by its name and compared by build and digest", () => {
  const before = process.env["HOME"];
  onTestFinished(() => void (process.env["HOME"] = before));
  const digest = "4222072737ccff51314b5ece9c7d6f5a";
  const channel = "https://conda.anaconda.org/conda-forge";
  const project = place({
    "conda.lock": `@EXPLICIT\n${channel}/noarch/tzdata-2025b-h78e105d_0.conda#${digest}\n${channel}/linux-64/xz-5.8.1-0.conda#${digest}\n`,
  });
  process.env["HOME"] = join(project, "home");
  const environment: Environment = { kind: "conda", name: "tuner", lock: "conda.lock" };

  expect(found(project, environment)).toMatchObject({
    why: "there is no conda environment `tuner` on this machine",
    next: "conda create --name tuner --file conda.lock",
  });
  const root = join(project, "home/envs/tuner");
  write(project, {
    "home/.conda/environments.txt": `/elsewhere/other\n${root}\n`,
    "home/envs/tuner/conda-meta/tzdata-2025b-h78e105d_0.json": JSON.stringify({ md5: digest.replace("4", "5") }),
    "home/envs/tuner/conda-meta/xz-5.6.0-0.json": JSON.stringify({ md5: digest }),
  });
  expect(found(project, environment)).toMatchObject({
    environment: { path: [join(root, "bin")] },
    drift: {
      why: `\`tuner\` is not what \`conda.lock\` pins: \`tzdata\` is ${digest.replace("4", "5")} instead of ${digest}, \`xz\` is 5.6.0-0 instead of 5.8.1-0`,
    },
  });
});
