import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { build } from "rolldown";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";

import configs from "../../rolldown.config.ts";
import { ENV, example, repository, type Bench } from "../sluice.ts";

const directory = mkdtempSync(join(tmpdir(), "sluice-action-"));
const bundle = join(directory, "index.js");

beforeAll(async () => {
  const config = [configs].flat().find(({ input }) => JSON.stringify(input).includes("action/main.ts"));
  if (config === undefined) throw new Error("rolldown.config.ts builds no Action");
  await build({ ...config, output: { ...[config.output].flat()[0], dir: directory } });
  // As in the repository: a module.
  writeFileSync(join(directory, "package.json"), '{"type":"module"}');
});
afterAll(() => rmSync(directory, { recursive: true }));

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly summary: string;
  readonly outputs: Readonly<Record<string, string>>;
}

/** Runs the bundle as a runner does: inputs as variables, and files for what comes out. */
async function run(bench: Bench, env: Readonly<Record<string, string>> = {}, event?: unknown): Promise<Ran> {
  const place = mkdtempSync(join(directory, "runner-"));
  const file = (name: string, text = ""): string => {
    writeFileSync(join(place, name), text);
    return join(place, name);
  };
  const variables = {
    ...ENV,
    GITHUB_WORKSPACE: bench.root,
    GITHUB_SHA: bench.git("rev-parse", "HEAD").trim(),
    GITHUB_STEP_SUMMARY: file("summary"),
    GITHUB_OUTPUT: file("output"),
    GITHUB_EVENT_PATH: file("event.json", JSON.stringify(event ?? {})),
    INPUT_PIPELINES: "",
    "INPUT_FAIL-ON": "problems",
    INPUT_BASE: "",
    ...env,
  };
  const { code, stdout, stderr } = await new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [bundle], { env: variables, cwd: place }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout: out, stderr: err }),
    );
  });
  const outputs: Record<string, string> = {};
  const text = readFileSync(join(place, "output"), "utf8");
  for (const [, name = "", , value = ""] of text.matchAll(/^(\w+)<<(sluice-[\w-]+)\n([^]*?)\n\2$/gm)) {
    outputs[name] = value;
  }
  return { code, stdout, stderr, summary: readFileSync(join(place, "summary"), "utf8"), outputs };
}

test("a change is told against the base: its cause, what hangs on it, what stays", async () => {
  const bench = example("digits");
  const base = bench.git("rev-parse", "HEAD").trim();
  const params = readFileSync(join(bench.root, "params.yaml"), "utf8");
  expect(params).toContain("learning_rate: ");
  bench.write("params.yaml", params.replace(/learning_rate: .*/, "learning_rate: 0.0123"));
  bench.commit();
  const { code, stdout, stderr, summary, outputs } = await run(bench, {}, { pull_request: { base: { sha: base } } });
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toBe("1 pipeline, 0 errors, 0 warnings\n");
  expect(summary).toContain("1 step runs, 1 depends, 1 cached");
  expect(summary).toMatch(/\| ▶ \| \*\*train\*\* \| parameter `train\.learning_rate` .* → \*\*0\.0123\*\*/);
  expect(summary).toMatch(/\| ✓ \| prepare \| from run `base`/);
  const plan = JSON.parse(outputs["plan"] ?? "") as { pipelines: readonly { summary: unknown }[] };
  expect(plan.pipelines[0]?.summary).toMatchObject({ run: 1, depends: 1, cached: 1 });
  expect(outputs).toMatchObject({ problems: "0", work: "true" });
});

test("a change of no pipeline runs nothing", async () => {
  const bench = example("digits");
  bench.write("README.md", "words");
  bench.commit();
  const { summary, outputs } = await run(bench, { INPUT_BASE: "HEAD~1" });
  expect(summary).toContain("nothing to run");
  expect(outputs["work"]).toBe("false");
});

test("problems stand at their lines, escaped, in the annotations and in the summary", async () => {
  const bench = repository({
    "pipelines/a,b%.yaml": "version: 1\nsteps:\n  one:\n    run: x\n    input: [a]\n",
    "pipelines/c.yaml": "version: 1\nsteps:\n  one:\n    run: x\n    inputs: ['no%0A::error::such file']\n",
  });
  bench.commit();
  const { code, stdout, summary, outputs } = await run(bench);
  expect(code).toBe(1);
  const lines = stdout.trimEnd().split("\n");
  const head = /^::error file=pipelines\/a%2Cb%25\.yaml,line=5,col=5,endLine=5,endColumn=9,title=unknown-key::/;
  expect(lines[0]).toMatch(head);
  expect(lines[0]).toContain("did you mean `inputs`");
  expect(lines[1]).toContain("::error file=pipelines/c.yaml,line=5,");
  expect(lines[1]).toContain("no%250A::error::such file");
  expect(lines).toHaveLength(3);
  expect(summary).toContain("`pipelines/a,b%.yaml:5:5`");
  expect(summary).toContain("> 5 |     input: [a]");
  expect(outputs).toMatchObject({ problems: "2", work: "false" });
  expect((await run(bench, { "INPUT_FAIL-ON": "never" })).code).toBe(0);
  expect((await run(bench, { "INPUT_FAIL-ON": "policy" })).code).toBe(1);
});

const pipeline = "version: 1\nsteps:\n  one:\n    run: echo 1\n    cache: true\n";
const policy = (deny: string): string => `version: 1\npolicies:\n  - { name: pins, deny: "${deny}" }\n`;

test("a policy of the base denies, whatever the change says of it", async () => {
  const bench = repository({ "sluice.yaml": policy("plan.steps.exists(s, !s.pinned)"), "pipelines/p.yaml": pipeline });
  bench.commit();
  bench.write("sluice.yaml", "version: 1\n");
  bench.commit();
  const strict = await run(bench, { INPUT_BASE: "HEAD~1", "INPUT_FAIL-ON": "policy" });
  expect(strict.code).toBe(1);
  expect(strict.stdout).toContain("::error::p: the policy pins denies this");
  const lax = await run(bench, { INPUT_BASE: "HEAD~1" });
  expect(lax.code).toBe(0);
  expect(lax.stdout).toContain("::warning::p: the policy pins denies this");
  expect((await run(bench, { "INPUT_FAIL-ON": "policy" })).code).toBe(0);
});

test("a policy that reads what only a service knows warns", async () => {
  const bench = repository({ "sluice.yaml": policy("plan.forecast.cost_usd > 50.0"), "pipelines/p.yaml": pipeline });
  bench.commit();
  const { code, outputs } = await run(bench, { "INPUT_FAIL-ON": "policy" });
  expect(code).toBe(0);
  expect(outputs["plan"]).toContain("cannot be judged: `cost_usd` is not known");
});

test("a shallow checkout says what to do, and plans all the same", async () => {
  const bench = example("digits");
  const gone = "0123456789012345678901234567890123456789";
  const { code, stdout, summary } = await run(bench, {}, { before: gone });
  expect(code).toBe(0);
  expect(stdout).toContain(`::notice::the base ${gone} is not in this checkout`);
  expect(stdout).toContain("fetch-depth: 0");
  expect(summary).toContain("first run");
});

test("what actions/checkout makes of fetch-depth 1: the merge alone, without its base", async () => {
  const bench = example("digits");
  const base = bench.git("rev-parse", "HEAD").trim();
  bench.write("README.md", "words");
  bench.commit();
  const root = join(directory, "shallow");
  bench.git("clone", "-q", "--depth", "1", `file://${bench.root}`, root);
  const shallow = { GITHUB_WORKSPACE: root };
  const event = { pull_request: { base: { sha: base } } };
  const { code, stdout, summary } = await run(bench, shallow, event);
  expect([code, stdout.split("\n").length]).toEqual([0, 3]);
  expect(stdout).toContain(`::notice::the base ${base} is not in this checkout`);
  expect(summary).toContain("first run");
  bench.git("-C", root, "fetch", "-q", "--unshallow");
  const deep = await run(bench, shallow, event);
  expect(deep.stdout).toBe("1 pipeline, 0 errors, 0 warnings\n");
  expect(deep.outputs["work"]).toBe("false");
});

test("a merge queue's group, a pull request of a fork, and a push are judged against their own base", async () => {
  const bench = example("digits");
  const base = bench.git("rev-parse", "HEAD").trim();
  bench.write("README.md", "words");
  bench.commit();
  const fork = { head: { repo: { fork: true, full_name: "zed/digits" } }, base: { sha: base } };
  for (const event of [{ merge_group: { base_sha: base } }, { pull_request: fork }, { before: base }]) {
    const { code, stdout, outputs } = await run(bench, {}, event);
    expect([code, stdout]).toEqual([0, "1 pipeline, 0 errors, 0 warnings\n"]);
    expect(outputs).toMatchObject({ problems: "0", work: "false" });
  }
});

test("a repository without pipelines has nothing wrong, and settings that are broken have", async () => {
  const bench = repository({ "README.md": "words\n" });
  bench.commit();
  const none = await run(bench);
  expect([none.code, none.stdout]).toEqual([0, "0 pipelines, 0 errors, 0 warnings\n"]);
  expect(none.outputs).toMatchObject({ problems: "0", work: "false" });
  bench.write("sluice.yaml", "version: 1\nforks: { run: sometimes }\n");
  bench.commit();
  const broken = await run(bench);
  expect(broken.code).toBe(1);
  expect(broken.stdout).toMatch(/^::error file=sluice\.yaml,line=2,/);
  expect(broken.summary).toContain("`sluice.yaml:2:");
});

test("the first push of a branch, another tool's event file, a chosen pipeline", async () => {
  const bench = example("digits");
  expect((await run(bench, {}, { before: "0".repeat(40) })).code).toBe(0);
  expect((await run(bench, { GITHUB_EVENT_PATH: "/nowhere" })).code).toBe(0);
  expect((await run(bench, { INPUT_PIPELINES: "digits" })).outputs["plan"]).toContain('"digits"');
  const unknown = await run(bench, { INPUT_PIPELINES: "letters\n" });
  expect([unknown.code, unknown.stdout]).toEqual([1, "::error::there is no pipeline letters: known are digits\n"]);
});

test.each<[string, Record<string, string>]>([
  ["fail-on must be", { "INPUT_FAIL-ON": "sometimes" }],
  ["GITHUB_SHA", { GITHUB_SHA: "" }],
  ["actions/checkout", { GITHUB_WORKSPACE: tmpdir() }],
  ["actions/checkout", { GITHUB_SHA: "1".repeat(40) }],
])("says %s", async (text, env) => {
  const { code, stdout, stderr } = await run(example("digits"), env);
  expect([code, stderr]).toEqual([1, ""]);
  expect(stdout).toMatch(/^::error::[^\n]+\n$/);
  expect(stdout).toContain(text);
});

test("reads git without the git binary", async () => {
  const bench = example("digits");
  const { code, stdout } = await run(bench, { PATH: directory });
  expect([code, stdout]).toEqual([0, "1 pipeline, 0 errors, 0 warnings\n"]);
});

test("action.yml names the inputs that are read, and what GitHub runs", () => {
  const file = join(import.meta.dirname, "../../action/action.yml");
  const { inputs, outputs, runs } = parse(readFileSync(file, "utf8")) as Record<string, Record<string, unknown>>;
  expect(Object.keys(inputs ?? {})).toEqual(["pipelines", "fail-on", "base"]);
  expect(Object.keys(outputs ?? {})).toEqual(["plan", "problems", "work"]);
  expect(runs).toEqual({ using: "node24", main: "dist/index.js" });
});
