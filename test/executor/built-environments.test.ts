import { spawnSync } from "node:child_process";
import {
  existsSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { processSpace } from "../../src/executor/process-space.ts";
import { keepSwept } from "../../src/executor/sweep-environments.ts";
import type { Environment } from "../../src/pipeline/pipeline.ts";
import { until } from "../contract/queue.ts";
import { PATH, place, published, VENV, worker } from "./environment-worker.ts";
import { packageIndex, type PackageIndex } from "./package-index.ts";

let shared: string;
let index: PackageIndex;
beforeAll(async () => {
  shared = realpathSync(mkdtempSync(join(tmpdir(), "sluice-environments-")));
  index = await packageIndex(join(shared, "index"));
});
afterAll(async () => {
  await index[Symbol.asyncDispose]();
  rmSync(shared, { recursive: true, force: true });
});

const SAY = "python -c 'import hello; print(hello.say())'";

test("an environment is built from its lock once: for steps at once, for later ones, for workers beside each other", async () => {
  const directory = place();
  const lock = `--index-url ${index.url}\n${index.wheel("hello", "1.0", "good day")}`;
  const [one, other] = [worker(directory), worker(directory)];

  const ran = await Promise.all([one.run(lock, SAY), one.run(lock, SAY), other.run(lock, SAY)]);

  expect(ran.map(({ failure, log }) => [failure, log])).toEqual(ran.map(() => [null, "good day\n"]));
  expect(published(directory)).toHaveLength(1);
  expect(readdirSync(join(directory, "environments", "built"))).toHaveLength(1);
  expect(readdirSync(join(directory, "environments", "building"))).toEqual([]);
  const asked = index.asked.length;
  const tools = { python: /\d+\.\d+/.exec(spawnSync("python3", ["--version"], { encoding: "utf8" }).stdout)?.[0] };
  const later = await worker(directory).run(
    lock,
    `${SAY}; command -v hello; touch "$VIRTUAL_ENV/mine" 2>/dev/null && echo written`,
    { tools: { ...tools, hello: "1.0" } },
  );
  expect(later.failure).toMatchObject({ kind: "exit" });
  expect(later.log).toMatch(/^good day\n\S+\/bin\/hello\n$/);
  expect(index.asked).toHaveLength(asked);
  expect((await one.run(lock, SAY, { tools: { hello: "2" } })).failure).toMatchObject({
    kind: "environment",
    found: "1.0",
  });
});

test("a build that fails refuses the attempt in words, with what was said last, and is tried anew for the next", async () => {
  const directory = place();
  const good = index.wheel("late", "1.0", "at last");
  const bad = good.replace(/sha256:[0-9a-f]{8}/, "sha256:00000000");
  const { run } = worker(directory, { PIP_INDEX_URL: index.url.replace("//", "//reader:correct-horse@") });

  const refused = await run(bad, "true");

  expect(refused.failure).toMatchObject({
    kind: "refused",
    why: expect.stringMatching(
      /^its environment could not be built from `requirements\.txt`: ERROR: THESE PACKAGES DO NOT MATCH THE HASHES/,
    ) as string,
    next: expect.stringContaining("pip install --require-hashes -r requirements.txt") as string,
  });
  expect(refused.log).toContain("Expected sha256 00000000");
  expect(refused.log + JSON.stringify(refused.failure)).not.toContain("correct-horse");
  expect([published(directory), readdirSync(join(directory, "environments", "built"))]).toEqual([[], []]);

  expect(await run(good, "python -c 'import late; print(late.say())'")).toEqual({ failure: null, log: "at last\n" });
});

test.each([
  ["hello==1.0\n", "line 1: `hello==1.0` has no hash"],
  ["# all\nhello>=1.0 --hash=sha256:aa\n", "line 2: `hello>=1.0` is no package by its version (`name==1.2.3`)"],
  ["-r other.txt\n", "line 1: `-r other.txt` is another file, which the key does not hold"],
  ["-e .\n", "line 1: `-e .` is a directory, which the key does not hold"],
  ["--no-binary :all:\n", "line 1: `--no-binary :all:` is built from its source, and workers install wheels only"],
  ["a @ https://x.example/a.tar.gz --hash=sha256:aa\n", "is built from its source, and workers install wheels only"],
  ["--index-url https://x.example/${HOME}\n", "is no option that a lock may have"],
  ["a==1 --hash=sha256:aa --config-settings=x=y\n", "line 1: `a==1 --config-settings=x=y` is no package"],
  ['[[package]]\nname = "a"\n', "line 1: `[[package]]` is no line of a requirements file"],
])("a lock that does not say all, or that would do more, is refused with its line: %j", async (lock, why) => {
  const { run } = worker(place());

  const { failure } = await run(lock, "true");

  expect(failure).toMatchObject({ kind: "refused", why: expect.stringContaining(why) as string });
  expect(failure).toMatchObject({ next: expect.stringContaining("--generate-hashes") as string });
});

test.each(["\x0b", "\x0c", "\r", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"])(
  "a lock in which Python would end a line where nobody sees it is refused: %j",
  async (separator) => {
    const { run } = worker(place());
    for (const end of ["", "\n"]) {
      const { failure } = await run(`# all\n--index-url https://x.example/${separator}-rother${end}`, "true");
      expect(failure).toMatchObject({
        why: expect.stringContaining("line 2: it has a character that nobody sees") as string,
      });
    }
  },
);

test("an environment without a lock is refused, and so is one that no worker's Python fits", async () => {
  const { environments, run } = worker(place());
  const asked = { environment: { ...VENV, lock: null } as Environment, tools: {} };

  const bare = await environments.prepare(asked, { log: "", signal: new AbortController().signal });

  expect(bare).toMatchObject({ kind: "refused", why: expect.stringContaining("has no `lock:`") as string });
  expect((await run("", "true", { tools: { python: "2.4" } })).failure).toMatchObject({
    kind: "environment",
    name: "python",
    expected: "2.4",
  });
});

test("a virtual environment that the operator has put on the machine is compared with the lock and used as it is", async () => {
  const directory = place();
  const root = join(directory, "own");
  spawnSync("python3", ["-m", "venv", "--without-pip", root]);
  const environment: Environment = { kind: "venv", path: root, lock: "requirements.txt" };
  const { run } = worker(directory);

  expect((await run("", 'echo "$VIRTUAL_ENV"', { environment })).log).toBe(`${root}\n`);
  expect((await run("hello==1.0\n", "true", { environment })).failure).toMatchObject({
    why: `\`${root}\` is not what \`requirements.txt\` pins: \`hello\` 1.0 is not installed`,
  });
});

/** A program that makes what it is asked for, and leaves its arguments and variables there. */
function recording(directory: string, name: string, root: string): string {
  const bin = join(directory, "bin");
  mkdirSync(bin, { recursive: true });
  const script = `#!/bin/sh
root=${root}
mkdir -p "$root/bin"; printf '#!/bin/sh\\necho made\\n' > "$root/bin/made"; chmod +x "$root/bin/made"
printf '%s\\n' "$@" > "$root/arguments"; env > "$root/variables"; cat pyproject.toml explicit.txt > "$root/files" 2>/dev/null || true
`;
  writeFileSync(join(bin, name), script, { mode: 0o755 });
  return `${bin}:${PATH}`;
}

function builtIn(directory: string): (name: string) => string {
  const root = join(directory, "environments", published(directory)[0] ?? "");
  return (name) => readFileSync(join(root, name), "utf8");
}

const UV_LOCK = `version = 1
requires-python = ">=3.11"

[[package]]
name = "hello"
version = "1.0"
source = { registry = "https://pypi.org/simple" }
dependencies = [{ name = "other", marker = "python_full_version < '3.12'" }]
sdist = { url = "https://files.example/hello-1.0.tar.gz", size = 1 }
wheels = [
    { url = "https://files.example/hello-1.0-py3-none-any.whl", hash = "sha256:00ff", size = 1, upload-time = "2025-01-01T00:00:00Z" },
    { url = "https://files.example/hello-1.0-cp313-none-any.whl", hash = "sha256:00ff" },
]

[[package]]
name = "tuner"
version = "0.1.0"
source = { virtual = "." }
dependencies = [{ name = "hello" }]
`;
const UV: Environment = { kind: "uv", path: ".", lock: "uv.lock" };

test("uv builds from the lock alone: frozen, without the project, sources and downloads of interpreters", async () => {
  const directory = place();
  const path = recording(directory, "uv", "$UV_PROJECT_ENVIRONMENT");
  const { run } = worker(directory, { UV_DEFAULT_INDEX: index.url, SECRET: "correct-horse" }, path);

  expect(await run(UV_LOCK, "made", { environment: UV })).toEqual({ failure: null, log: "made\n" });

  const read = builtIn(directory);
  expect(read("arguments").split("\n")).toEqual(
    expect.arrayContaining(["sync", "--frozen", "--no-dev", "--no-install-project", "--no-build", "--python"]),
  );
  expect(read("files")).toBe('[project]\nname = "tuner"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n');
  expect(read("variables")).toContain(`UV_DEFAULT_INDEX=${index.url}\n`);
  expect(read("variables")).toContain("UV_PYTHON_DOWNLOADS=never\n");
  expect(read("variables")).not.toContain("correct-horse");
});

const WHEEL = `wheels = [
    { url = "https://files.example/hello-1.0-py3-none-any.whl", hash = "sha256:${"0".repeat(64)}", size = 1 },
]
`;
const REGISTRY = 'source = { registry = "https://pypi.org/simple" }\n';

test.each([
  [REGISTRY + WHEEL.replace(/, hash = "[^"]*"/, ""), "it has a wheel without a hash"],
  [REGISTRY + WHEEL.replace(/"sha256:0+"/, '"none"'), "it has a wheel without a hash"],
  ['source = { git = "https://x.example/hello?rev=main#aa" }\n', "it has a package from a directory, a file or git"],
  ['source = { path = "hello-1.0-py3-none-any.whl" }\n', "it has a package from a directory, a file or git"],
  [`${REGISTRY}[[package.wheels]]\nurl = "https://x.example/a.whl"\n`, "it is not in the form in which uv writes it"],
  [`${REGISTRY}"wheels" = [{ url = "https://x.example/a.whl" }]\n`, "it is not in the form in which uv writes it"],
  [`${REGISTRY}a = """\n${WHEEL}"""\n`, "it is not in the form in which uv writes it"],
])("a uv.lock that does not pin its packages to the byte is refused: %j", async (more, why) => {
  const directory = place();
  const { run } = worker(directory, {}, recording(directory, "uv", "$UV_PROJECT_ENVIRONMENT"));

  const { failure } = await run(UV_LOCK.replace(REGISTRY, more), "true", { environment: UV });

  expect(failure).toMatchObject({ kind: "refused", why: expect.stringContaining(why) as string });
});

const EXPLICIT = `# platform: linux-64
@EXPLICIT
https://conda.anaconda.org/conda-forge/noarch/tzdata-2025b-h78e105d_0.conda#4222072737ccff51314b5ece9c7d6f5a
`;
const CONDA: Environment = { kind: "conda", name: "tuner", lock: "conda.lock" };

test("micromamba builds from an explicit lock: packages by address and digest, copied", async () => {
  const directory = place();
  const path = recording(directory, "micromamba", '$(while [ "$1" != --prefix ]; do shift; done; echo "$2")');
  const { run } = worker(directory, {}, path);

  expect(await run(EXPLICIT, "made", { environment: CONDA })).toEqual({ failure: null, log: "made\n" });

  const read = builtIn(directory);
  expect(read("arguments")).toMatch(
    /^create\n--yes\n--quiet\n--prefix\n\S+\n--file\n\S+explicit\.txt\n--always-copy\n$/,
  );
  expect(read("variables")).toMatch(/^CONDA_PKGS_DIRS=\S+\/building\/\S+\/cache$/m);
  expect(read("files")).toBe(EXPLICIT.replace(/^#.*\n/, ""));
  const unsure = EXPLICIT.replace(/#[0-9a-f]{32}/, "");
  expect((await run(unsure, "true", { environment: CONDA })).failure).toMatchObject({
    kind: "refused",
    why: "workers build no environment from `conda.lock`: line 3 is no package by address and digest",
  });
});

test.each([
  [UV, UV_LOCK, "its environment is built with `uv`, and there is none on this worker's PATH"],
  [CONDA, EXPLICIT, "its environment is built with `micromamba`, `mamba` or `conda`, and there is none"],
])("without the program that builds it %j is refused", async (environment, lock, why) => {
  const { run } = worker(place());

  const { failure } = await run(lock, "true", { environment });

  expect(failure).toMatchObject({ kind: "refused", why: expect.stringContaining(why) as string });
});

test("what a worker left that was killed while it built is swept away by the next, whatever cannot be", async () => {
  const directory = place();
  const { pid } = spawnSync("true");
  const left = ["building", "built"].map((part) =>
    join(directory, "environments", part, `venv-x.${processSpace()}.${pid}.1`),
  );
  const own = join(directory, "environments", "building", `venv-x.${processSpace()}.${process.pid}.1`);
  // In a container that is made anew the same number is another process's.
  const [elsewhere, longAgo] = [1, 2].map((count) =>
    join(directory, "environments", "building", `venv-x.elsewhere-7.${pid}.${count}`),
  );
  const all = [...left, own, elsewhere ?? "", longAgo ?? ""];
  for (const path of all) mkdirSync(path, { recursive: true });
  const lastWeek = Date.now() / 1_000 - 8 * 86_400;
  utimesSync(longAgo ?? "", lastWeek, lastWeek);
  const loop = join(directory, "environments", "building", "venv-a.elsewhere-7.1.1");
  symlinkSync(loop, loop);

  worker(directory);

  await until(() => left.every((path) => !existsSync(path)));
  expect(all.map((path) => existsSync(path))).toEqual([false, false, true, true, false]);
});

test("environments are swept again and again, and those that a link leads to stay", async () => {
  const directory = place();
  const { pid } = spawnSync("true");
  const tree = join(directory, "built", `venv-x.${processSpace()}.${pid}.1`);
  const [stays, goes] = ["venv-x", "going.venv-y"].map((name) => join(directory, name));
  const other = tree.replace("venv-x", "venv-y");
  for (const path of [tree, other]) mkdirSync(path, { recursive: true });
  symlinkSync(join("built", basename(tree)), stays ?? "");
  symlinkSync(join("built", basename(other)), goes ?? "");
  const swept = keepSwept(directory, 10);
  const left = join(directory, "building", basename(tree));
  mkdirSync(left, { recursive: true });
  await until(() => !existsSync(left));

  await swept[Symbol.asyncDispose]();

  expect([tree, other].map((path) => existsSync(path))).toEqual([true, true]);
});

test("an environment that no step uses for a month is found no more, and removed when none can run in it any more", async () => {
  const directory = place();
  const path = recording(directory, "uv", "$UV_PROJECT_ENVIRONMENT");
  const at = join(directory, "environments");
  const untouched = (name: string, days: number): void => {
    const then = Date.now() / 1_000 - days * 86_400;
    lutimesSync(join(at, name), then, then);
  };
  const { run } = worker(directory, {}, path);
  await run(UV_LOCK, "made", { environment: UV });
  const [name = ""] = published(directory);
  untouched(name, 31);
  await run(UV_LOCK, "made", { environment: UV });
  worker(directory);
  expect(published(directory)).toEqual([name]);

  untouched(name, 31);
  worker(directory);
  worker(directory);
  await until(() => published(directory).includes(`going.${name}`));
  expect(published(directory)).toEqual([`going.${name}`]);
  expect(readdirSync(join(at, "built"))).toHaveLength(1);
  expect(await run(UV_LOCK, "made", { environment: UV })).toEqual({ failure: null, log: "made\n" });
  expect(published(directory)).toEqual([`going.${name}`, name]);

  untouched(`going.${name}`, 8);
  worker(directory);
  await until(() => readdirSync(join(at, "built")).length === 1);
  expect(published(directory)).toEqual([name]);
});
