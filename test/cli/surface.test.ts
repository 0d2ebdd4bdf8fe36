import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { BIN, ENV, recorded, repository, sluiceIn, type Bench } from "../sluice.ts";

const OFF = "version: 1\nsandbox: off\n";
const STEP = (word: string): string =>
  `version: 1\nparams: { seed: 1 }\nsteps:\n  make: { run: 'mkdir -p out/sub; echo ${word} > out/a; echo ${word} > out/sub/b', outputs: [out] }\n`;

async function ran(...words: readonly string[]): Promise<Bench> {
  const bench = repository({ "sluice.yaml": OFF });
  for (const word of words) {
    bench.write("pipelines/p.yaml", STEP(word));
    bench.commit();
    await bench.sluice("run");
  }
  return bench;
}

const commandsIn = (help: string): readonly string[] =>
  [...(help.split("Commands:")[1]?.split("Example:")[0] ?? "").matchAll(/^ {2}([a-z]+)/gm)].flatMap(([, name]) =>
    name === undefined || name === "help" || name === "complete" ? [] : [name],
  );

test("where Node is missing that is said with the line that brings it, and is no mistake in Sluice", async () => {
  const { root } = repository();
  const place = join(root, "a clone");
  mkdirSync(join(place, "bin"), { recursive: true });
  copyFileSync(BIN, join(place, "bin", "sluice"));

  const ended = spawnSync("/bin/sh", [join(place, "bin", "sluice"), "plan"], {
    env: { PATH: place },
    encoding: "utf8",
  });

  expect([ended.status, ended.stdout]).toEqual([1, ""]);
  expect(ended.stderr).toBe(
    `sluice: needs Node 24 or newer, found none\n  next: (cd '${place}' && npm ci), which brings it\n`,
  );
});

test("every command explains itself with an example that begins like it", async () => {
  const bench = repository();
  const commands = commandsIn((await bench.sluice("--help")).stdout);
  expect(commands.length).toBeGreaterThan(20);
  for (const name of commands) {
    const help = await bench.sluice(name, "--help");
    const inner = commandsIn(help.stdout);
    expect(help.code, name).toBe(0);
    for (const one of inner) {
      const { stdout } = await bench.sluice(name, one, "--help");
      expect(stdout, `${name} ${one}`).toMatch(new RegExp(`\nExample:\n  sluice ${name} ${one}`));
    }
    if (inner.length === 0) expect(help.stdout, name).toMatch(new RegExp(`\nExample:\n  sluice ${name}`));
  }
}, 180_000);

test("words of usage that are none end with 64, a suggestion, and nothing on stdout", async () => {
  const bench = await ran("one");
  for (const [args, said] of [
    [["valdate"], /Did you mean validate\?/],
    [["plan", "--jsn"], /Did you mean --json\?/],
    [["plan", "--json", "--markdown"], /cannot be used with/],
    [["run", "nosuch"], /there is no pipeline nosuch/],
    [["run", "make"], /make is a step of the pipeline p\n {2}next: sluice run p, or with --force make/],
    [["log", "pp"], /there is no pipeline pp\n {2}next: did you mean p\?/],
    [["show", "laest"], /there is no run laest\n {2}next: did you mean latest\?/],
    [["run", "--jobs", "none"], /jobs/],
    [["run", "--force", "nosuch"], /nosuch/],
    [["run", "--param", "x"], /k=v|param/],
    [["run", "--param", "sede=1"], /there is no such parameter\n {2}next: did you mean seed\?/],
    [["log", "--limit", "x"], /whole number above 0/],
    [["log", "--limit", "0"], /whole number above 0/],
    [["reproduce", "latest", "--jobs", "x"], /whole number above 0/],
    [["diff", "latest", "latest", "latest"], /too many arguments/],
    [["validate", "nosuch.yaml"], /nosuch\.yaml is no pipeline, settings or parameters file/],
    [["explain", "mak"], /did you mean make\?/],
    [["show", "zzzz"], /there is no run zzzz/],
    [["show", "latest~9"], /no run is recorded before run \w{4} of p/],
    [["get", "latest:nothing"], /it has out/],
    [["get", "latest:out/nothing"], /it has out\/a, out\/sub\/b/],
    [["data", "add", "raw"], /no pipeline has a dataset raw/],
    [["logs", "latest", "nosuch"], /has no step nosuch/],
  ] as const) {
    const { code, stdout, stderr } = await bench.sluice(...args);
    expect(code, `${args.join(" ")}: ${stderr}`).toBe(64);
    expect(stderr, args.join(" ")).toMatch(said);
    expect(stdout, args.join(" ")).toBe("");
  }
}, 120_000);

test("a file that is to be validated is found from where one stands, and only its problems are told", async () => {
  const bench = repository({ "sluice.yaml": OFF, "pipelines/p.yaml": STEP("one"), "pipelines/q.yaml": "steps: {}\n" });

  const right = await bench.sluice("validate", "pipelines/p.yaml");
  const wrong = await sluiceIn(join(bench.root, "pipelines"), ["validate", "q.yaml"]);
  const all = await bench.sluice("validate");

  expect([right.code, right.stdout]).toEqual([0, "1 file: no problems\n"]);
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining("pipelines/q.yaml:1:1: error")]);
  expect([all.code, all.stdout]).toEqual([1, expect.stringMatching(/^2 pipelines: /)]);
});

test("what a link leads to is not shown beside the problem that it is a link", async () => {
  const bench = repository({ "sluice.yaml": OFF });
  mkdirSync(join(bench.root, "pipelines"));
  symlinkSync("/etc/passwd", join(bench.root, "pipelines", "p.yaml"));

  const { code, stderr } = await bench.sluice("validate");

  expect(code).toBe(1);
  expect(stderr).toContain("pipelines/p.yaml:1:1: error: the file is a symbolic link");
  expect(stderr).not.toContain("root:");
});

test("`--json` prints one document and nothing else, also where there is nothing or something wrong", async () => {
  const bench = await ran("one", "two");
  const asked: readonly (readonly string[])[] = [
    ["validate"],
    ["plan"],
    ["log"],
    ["show", "latest"],
    ["diff"],
    ["graph"],
    ["explain", "make"],
    ["explain", "make", "--run", "latest"],
    ["status"],
    ["verify"],
    ["doctor"],
  ];
  for (const args of asked) {
    const { stdout } = await bench.sluice(...args, "--json");
    expect(() => JSON.parse(stdout) as unknown, `${args.join(" ")}: ${stdout.slice(0, 200)}`).not.toThrow();
    expect(stdout.endsWith("}\n"), args.join(" ")).toBe(true);
  }
  bench.write("pipelines/p.yaml", "version: 1\nsteps:\n  make: { rnu: x }\n");
  for (const args of [["validate"], ["plan"], ["status"]]) {
    const { stdout } = await bench.sluice(...args, "--json");
    expect(() => JSON.parse(stdout) as unknown, `${args.join(" ")}: ${stdout.slice(0, 200)}`).not.toThrow();
  }
}, 120_000);

test("a reader that goes away early is no bug of ours, and a pipe gets everything", async () => {
  const steps = Array.from({ length: 3_000 }, (_, at) => `  step-${at}: { run: echo, outputs: [o/${at}] }\n`).join("");
  const bench = repository({ "sluice.yaml": OFF, "pipelines/p.yaml": `version: 1\nsteps:\n${steps}` });
  bench.commit();
  const piped = (reader: string): string =>
    execFileSync("bash", ["-c", `${BIN} graph --json 2>&1 | ${reader}; echo " \${PIPESTATUS[0]}"`], {
      cwd: bench.root,
      env: ENV,
      encoding: "utf8",
    }).trim();

  expect(piped("head -c 1")).toMatch(/^\{ (0|141)$/);
  expect(piped("sh -c 'sleep 1; tail -c 3'")).toMatch(/^\}\s+0$/);
});

test("colour never where NO_COLOR is set, even if it is forced otherwise", async () => {
  const bench = await ran("one");

  for (const args of [["plan"], ["log"], ["show", "latest"], ["status"], ["doctor"], ["graph"]])
    expect((await bench.sluice(...args)).stdout).not.toContain("\u001b[");
});

test("a run is meant by id, prefix, commit, branch, `latest` and what came before it", async () => {
  const bench = await ran("one", "two", "three");
  const [third = "", second = "", first = ""] = recorded(bench);
  const commit = (back: number): string => bench.git("rev-parse", `HEAD~${back}`).trim();
  bench.commit("nothing that a run reads");
  bench.git("branch", "older", commit(2));
  const shown = async (name: string): Promise<string> => {
    const { code, stdout, stderr } = await bench.sluice("show", name, "--json");
    return code === 0 ? (JSON.parse(stdout) as { run: { id: string } }).run.id : `${code} ${stderr}`;
  };

  expect(await shown(second)).toBe(second);
  expect(await shown(second.slice(0, 8))).toBe(second);
  expect(await shown(commit(3))).toBe(first);
  expect(await shown(commit(2).slice(0, 10))).toBe(second);
  expect(await shown("older")).toBe(second);
  expect(await shown("older~1")).toBe(first);
  expect(await shown("main")).toBe(third);
  expect(await shown("latest")).toBe(third);
  expect(await shown("latest~")).toBe(second);
  expect(await shown("latest~2")).toBe(first);
  expect(await shown("#12")).toContain("64 sluice: there is no run #12\n  next: runs of pull requests");
  expect(await shown("~")).toContain("64 ");
}, 120_000);

test("a commit with runs of two pipelines is ambiguous, and the candidates are named; so is an environment without releases", async () => {
  const bench = repository({
    "sluice.yaml": `${OFF}environments: { prod: { auto: true } }\n`,
    "pipelines/p.yaml": "version: 1\nsteps:\n  a: { run: echo a > a, outputs: [a] }\n",
    "pipelines/q.yaml": "version: 1\nsteps:\n  b: { run: echo b > b, outputs: [b] }\n",
  });
  bench.commit();
  await bench.sluice("run");

  const head = await bench.sluice("show", "HEAD");
  const prod = await bench.sluice("get", "prod:p:a");
  const elsewhere = await bench.sluice("get", "test:p:a");

  expect(head.code).toBe(64);
  expect(head.stderr).toMatch(
    /HEAD could be any of\n {2}[0-9a-z]{4,} {2}[pq] {2}succeeded {2}20.*\n {2}[0-9a-z]{4,} {2}[pq] {2}/,
  );
  expect(prod.code).toBe(64);
  expect(prod.stderr).toContain("there is no run prod:p\n  next: nothing is released in prod");
  expect(elsewhere.stderr).toContain(
    "there is no environment `test` in sluice.yaml, and no run of that name\n  next: known: prod\n",
  );
});

test("get brings a whole run, one output, a directory in one, or a file in one; never over what stands there", async () => {
  const bench = await ran("word");
  const got = async (what: string, into: string): Promise<string> => {
    const { stdout, stderr } = await bench.sluice("get", what, "-o", into);
    return stdout.replaceAll(/sha256:[0-9a-f]{64}/g, "…") + stderr;
  };

  expect(await got("latest", "x/1")).toBe("x/1/out  …\n");
  expect(await got("latest:out", "x/2")).toBe("x/2/out  …\n");
  expect(await got("latest:out/a", "x/3")).toBe("x/3/out/a  …\n");
  expect(await got("latest:out/sub", "x/4")).toBe("x/4/out/sub/b  …\n");
  expect(readFileSync(join(bench.root, "x/4/out/sub/b"), "utf8")).toBe("word\n");
  expect(existsSync(join(bench.root, "x/3/out/sub"))).toBe(false);
  expect(await got("latest:out/a", "x/3")).toBe("x/3/out/a  …  stands here already, verified\n");
  expect(await got("latest", "x/1")).toBe("x/1/out  …  stands here already, verified\n");
  bench.write("x/3/out/a", "mine\n");
  expect(await got("latest:out/a", "x/3")).toContain("exists already");

  bench.write("taken", "mine\n");
  for (const into of ["taken", "taken/below"]) {
    const none = await bench.sluice("get", "latest:out/a", "-o", into);
    expect([none.code, none.stdout]).toEqual([64, ""]);
    expect(none.stderr).toMatch(
      /taken is no directory, and -o names the directory that out\/a is put in\n {2}next: sluice get latest:out\/a -o DIR writes DIR\/out\/a\n$/,
    );
  }
  expect(readFileSync(join(bench.root, "taken"), "utf8")).toBe("mine\n");
});

test("logs are found where the settings keep the store", async () => {
  const bench = repository({
    "sluice.yaml": `${OFF}store: { kind: filesystem, path: .sluice/elsewhere }\n`,
    "pipelines/p.yaml": "version: 1\nsteps:\n  talk: { run: echo said | tee out, outputs: [out] }\n",
  });
  bench.commit();
  await bench.sluice("run");

  expect((await bench.sluice("logs", "latest")).stdout).toBe("said\n");
  bench.write(
    "pipelines/p.yaml",
    "version: 1\nsteps:\n  talk: { run: echo said | tee out, outputs: [out] }\n  more: { run: cp out two, inputs: [out], outputs: [two] }\n",
  );
  await bench.sluice("run");
  const reused = await bench.sluice("logs", "latest", "talk");
  expect(reused).toMatchObject({ code: 0, stdout: "" });
  expect(reused.stderr).toMatch(
    /^talk was not computed in run latest: it is from run (\w+)\n {2}next: sluice logs \1 talk\n$/,
  );
  // An empty answer reads like a log that was lost.
  const silent = await bench.sluice("logs", "latest", "more");
  expect(silent).toMatchObject({ code: 0, stdout: "", stderr: "more wrote nothing in run latest\n" });
});

test("outside of a repository, and before its first commit, the sentence says what to type", async () => {
  const nowhere = await sluiceIn("/", ["plan"]);
  const fresh = repository({ "pipelines/p.yaml": STEP("one") });

  expect(nowhere.code).not.toBe(0);
  expect(nowhere.code).not.toBe(70);
  expect(nowhere.stderr).toContain("git init");
  for (const args of [["validate"], ["plan"], ["graph"]]) expect((await fresh.sluice(...args)).code).toBe(0);
  const run = await fresh.sluice("run");
  expect(run.code).not.toBe(0);
  expect(run.stderr).toMatch(/commit/);
});

test.each(["bash", "zsh", "fish"])("completion for %s: a script, and words for it", async (shell) => {
  const bench = repository();

  const script = await bench.sluice("complete", shell);
  const words = await bench.sluice("complete", "--", "re");

  expect(script.code, script.stderr).toBe(0);
  expect(script.stdout).toContain("sluice");
  expect(words.stdout).toMatch(/^reproduce\b/m);
});

test("completion knows the environments and pipelines of the repository, and none outside of one", async () => {
  const bench = repository({
    "sluice.yaml": "version: 1\nenvironments:\n  staging: {}\n  prod: {}\n",
    "pipelines/digits.yaml": STEP("one"),
  });
  const words = async (...typed: readonly string[]): Promise<readonly string[]> =>
    (await bench.sluice("complete", "--", ...typed)).stdout
      .split("\n")
      .flatMap((line) => line.split("\t")[0] ?? [])
      .filter((word) => word !== "" && !word.startsWith(":"));

  expect(await words("promote", "")).toEqual(["staging", "prod"]);
  expect(await words("promote", "sta")).toEqual(["staging"]);
  expect(await words("rollback", "prod", "")).toEqual(["digits"]);
  expect(await words("hold", "prod/")).toEqual(["prod/digits"]);
  expect(await words("freeze", "")).toEqual(["staging", "prod"]);
  expect(await words("show", "")).toEqual(["latest", "staging", "prod"]);
  const nowhere = await sluiceIn("/", ["complete", "--", "promote", ""]);
  expect([nowhere.code, nowhere.stderr]).toEqual([0, ""]);
});
