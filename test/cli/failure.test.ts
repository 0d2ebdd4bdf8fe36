import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { recorded, repository } from "../sluice.ts";

function pipeline(...steps: string[]): string {
  return ["version: 1", "steps:", ...steps.map((line) => `  ${line}`), ""].join("\n");
}

test("a failure shows its sentence, its last lines, what was not started and what to type", async () => {
  const bench = repository({
    "pipelines/p.yaml": pipeline(
      "bad: { run: 'echo oh no; exit 3', outputs: [a] }",
      "after: { run: cp a b, inputs: [a], outputs: [b] }",
    ),
  });
  bench.commit();

  const run = await bench.sluice("run");
  const plan = await bench.sluice("plan");
  const explain = await bench.sluice("explain", "bad");

  expect(plan.stdout).toMatch(/▶ bad +it failed in run \w{4}: exit code 3 /);
  expect(explain.stdout).toMatch(/^bad runs: it failed in run \w{4}: exit code 3\n/);
  expect(run.code).toBe(1);
  expect(run.stderr).toMatch(/failed in bad after .*exit code 3/);
  expect(run.stderr).toContain("│ oh no");
  expect(run.stderr).toContain("Not started: after");
  expect(run.stderr).toContain("Next:");
  expect(bench.git("log", "-1", "--format=%s", "refs/sluice/local")).toBe("p: failed\n");
});

test("a step that finished elsewhere, or before the store was removed, is told as that", async () => {
  const bench = repository({ "pipelines/p.yaml": pipeline("make: { run: echo made > out, outputs: [out] }") });
  bench.commit();
  await bench.sluice("run");
  rmSync(join(bench.root, ".sluice"), { recursive: true });

  const plan = await bench.sluice("plan");

  expect(plan.stdout).toMatch(/▶ make +its result is not in this store /);
});

test("an undeclared read fails, and --fix writes the line that is missing", async () => {
  const bench = repository({
    "pipelines/p.yaml": `# keep me\n${pipeline("read:", "  run: cat data.txt > out.txt", "  inputs: [other.txt]", "  outputs: [out.txt]")}`,
    "data.txt": "data\n",
    "other.txt": "other\n",
  });
  bench.commit();

  const run = await bench.sluice("run", "--fix");
  const again = await bench.sluice("run");

  expect(run.code).toBe(1);
  expect(run.stderr).toMatch(/data\.txt/);
  expect(readFileSync(join(bench.root, "pipelines/p.yaml"), "utf8")).toMatch(
    /^# keep me\n[^]*inputs: \[ ?other\.txt, data\.txt ?\]/,
  );
  expect(again.code, again.stderr).toBe(0);
});

test("a program of an environment is no input: the advice names the environment, and --fix writes nothing", async () => {
  const before = pipeline("a:", "  run: .venv/bin/python -c 1", "  outputs: [out]");
  const bench = repository({
    "pipelines/p.yaml": before,
    ".venv/pyvenv.cfg": "home = /usr/bin\n",
    ".venv/bin/python": "#!/bin/sh\n",
  });
  bench.commit();

  const run = await bench.sluice("run", "--fix");

  expect(run.code).toBe(1);
  expect(run.stderr).toContain("environment: { venv: .venv, lock: requirements.txt }");
  expect(run.stderr).toContain("call `python` by that name");
  expect(readFileSync(join(bench.root, "pipelines/p.yaml"), "utf8")).toBe(before);
});

test("a file of the repository that a log names in full is named as the input that it could be", async () => {
  const bench = repository({ "data.txt": "data\n" });
  bench.write(
    "pipelines/p.yaml",
    pipeline(`a: { run: "echo 'cat: ${bench.root}/data.txt: No such file or directory'; exit 1" }`),
  );
  bench.commit();

  const run = await bench.sluice("run");

  expect(run.stderr).toContain("inputs: [data.txt]");
});

test("--fix adds one input in the form that stands there, and leaves every other byte of the file", async () => {
  const before = [
    "version: 1",
    "steps:",
    "  a: {run: 'cat data.txt; : a',   inputs: [ other.txt ]}   # odd  spaces",
    "  b:",
    "    inputs:",
    "    -   other.txt   # all it reads",
    "",
    "    run: sort data.txt",
    "  c: { run: cat data.txt | sort }",
    "  d:",
    "      run: |",
    "        tail 'my data.txt'",
    "  e: { run: cat < data.txt, inputs: [] }",
    "# the end",
  ];
  const bench = repository({
    "pipelines/p.yaml": before.join("\r\n"),
    "data.txt": "data\n",
    "my data.txt": "data\n",
    "other.txt": "other\n",
  });
  bench.commit();

  const first = await bench.sluice("run", "--keep-going", "--fix");
  const again = await bench.sluice("run");

  expect(first.stderr.match(/^ {2}pipelines\/p\.yaml has that line now$/gm)).toHaveLength(5);
  expect(first.stderr).toContain("\nNext: `sluice run`\n");
  const after = readFileSync(join(bench.root, "pipelines/p.yaml"), "utf8").split("\r\n");
  expect(after.filter((line) => !before.includes(line))).toEqual([
    "  a: {run: 'cat data.txt; : a',   inputs: [ other.txt, data.txt ]}   # odd  spaces",
    "    - data.txt",
    "  c: { inputs: [data.txt], run: cat data.txt | sort }",
    '      inputs: ["my data.txt"]',
    "  e: { run: cat < data.txt, inputs: [data.txt] }",
  ]);
  expect(again.code, again.stderr).toBe(0);
});

test("--fix declares what a step wrote beside its outputs; an input that it changed is no output", async () => {
  const bench = repository({
    "d.csv": "1\n",
    "pipelines/p.yaml": pipeline(
      "more: { run: 'mkdir -p data; echo 1 | tee a data/b.json', outputs: [a] }",
      "list:",
      "  run: echo 1 | tee c d",
      "  outputs:",
      "    - c # kept",
      "own: { run: echo 2 >> d.csv, inputs: [d.csv] }",
    ),
  });
  bench.commit();

  const first = await bench.sluice("run", "--keep-going", "--fix");

  expect(readFileSync(join(bench.root, "pipelines/p.yaml"), "utf8")).toBe(
    pipeline(
      "more: { run: 'mkdir -p data; echo 1 | tee a data/b.json', outputs: [a, data/b.json] }",
      "list:",
      "  run: echo 1 | tee c d",
      "  outputs:",
      "    - c # kept",
      "    - d",
      "own: { run: echo 2 >> d.csv, inputs: [d.csv] }",
    ),
  );
  expect(first.stdout + first.stderr).toMatch(/^✗ own +after .*: it changed its input d\.csv$/m);
  expect(first.stdout + first.stderr).toMatch(/^✗ Run .* failed in own after .*: it changed its input d\.csv$/m);
  expect(first.stderr).toMatch(/^Next: let `own` write elsewhere than to `d\.csv`/m);
});

test("a missing output, an undeclared write and a bad metrics file have messages of their own", async () => {
  const bench = repository({
    "pipelines/a.yaml": pipeline("s: { run: 'true', outputs: [gone.txt] }"),
    "pipelines/b.yaml": pipeline("s: { run: 'echo 1 > extra.txt', outputs: [c.txt], metrics: [m.json] }"),
    "pipelines/c.yaml": pipeline("s: { run: 'echo nonsense > m.json', metrics: [m.json] }"),
  });
  bench.commit();

  const [missing, undeclared, metrics] = [
    await bench.sluice("run", "a"),
    await bench.sluice("run", "b"),
    await bench.sluice("run", "c"),
  ];

  expect(missing.stderr).toMatch(/gone\.txt/);
  expect(undeclared.stderr).toContain(
    "it did not write c.txt and m.json, and wrote extra.txt, which it does not declare",
  );
  expect(metrics.stderr).toMatch(/m\.json/);
  expect([missing.code, undeclared.code, metrics.code]).toEqual([1, 1, 1]);
  expect(existsSync(join(bench.root, "extra.txt"))).toBe(false);
});

test("what a step wrote and most likely did not mean is said beside its end, and fails nothing", async () => {
  const bench = repository({
    "pipelines/p.yaml": `${pipeline(
      "s:",
      `  run: |`,
      `    echo '{"a": "0.9"}' > m.json`,
      `    printf 'step,loss\\n1,2\\n' > p.csv`,
      "  metrics: [m.json]",
      "  plots: [{ path: p.csv, x: step, y: los }]",
    )}metrics: { a: { step: s, gate: ">= 0.5" } }\n`,
  });
  bench.commit();

  const run = await bench.sluice("run");
  const again = await bench.sluice("run");

  expect(run.stderr).toContain(
    '; a is text in m.json and no number: "0.9"; its plot p.csv has no column los (did you mean loss?)',
  );
  expect(run.stderr).toContain("let a step write it as a number, or correct its name under `metrics:`");
  expect([run.code, again.code]).toEqual([1, 1]);
  expect(again.stdout).toBe("nothing to do until then\n");
});

test("`--param name=` is the empty text", async () => {
  const bench = repository({
    "pipelines/p.yaml": `params: { greeting: hello }\n${pipeline(`s: { run: 'printf "%s" "$SLUICE_PARAMS" > out', params: [greeting], outputs: [out] }`)}`,
  });
  bench.commit();

  const run = await bench.sluice("run", "--param", "greeting=");

  expect(run.code, run.stderr).toBe(0);
  expect(JSON.parse(readFileSync(join(bench.root, "out"), "utf8"))).toEqual({ greeting: "" });
});

test("a run by less than four characters of its id says how many are needed", async () => {
  const bench = repository({ "pipelines/p.yaml": pipeline("s: { run: echo 1 > out, outputs: [out] }") });
  bench.commit();
  await bench.sluice("run");
  const [id = ""] = recorded(bench);

  const { code, stderr } = await bench.sluice("show", id.slice(0, 3));

  expect(code).not.toBe(0);
  expect(stderr).toContain("at least four characters");
});

test("metrics and plots that are too large to be read are not, and say so", async () => {
  const bench = repository({
    "pipelines/m.yaml": pipeline("s: { run: 'truncate -s 1900M m.json', metrics: [m.json] }"),
    "pipelines/p.yaml": pipeline(
      "s: { run: 'truncate -s 1900M p.csv', outputs: [p.csv], plots: [{ path: p.csv, x: epoch, y: loss }] }",
    ),
  });
  bench.commit();

  const [metrics, plot] = [await bench.sluice("run", "m"), await bench.sluice("run", "p")];

  const words = "it is 1.9 GiB large, and no more than 16 MiB are read";
  expect(metrics.stderr).toContain(`its metrics file m.json cannot be read: ${words}`);
  expect(plot.stderr).toContain(`its output p.csv cannot be kept: it is a plot and ${words}`);
  expect([metrics.code, plot.code]).toEqual([1, 1]);
});

test("a timeout ends the whole tree, also what detached itself", async () => {
  const bench = repository({
    "sluice.yaml": "version: 1\nsandbox: off\n",
    "pipelines/p.yaml": pipeline(
      "slow:",
      "  run: 'setsid sleep 987 & echo $! > /dev/null; sleep 987'",
      "  timeout: 500ms",
      "  outputs: [a]",
    ),
  });
  bench.commit();

  const run = await bench.sluice("run");

  expect(run.stderr).toMatch(/longer than|timeout|time/i);
  expect(run.code).toBe(1);
  expect(() => bench.git("--version")).not.toThrow();
  const { execFileSync } = await import("node:child_process");
  expect(execFileSync("sh", ["-c", "ps -eo args | grep -c '^sleep 987' || true"], { encoding: "utf8" }).trim()).toBe(
    "0",
  );
});

test("retries happen for the reasons that are declared, and stop at the same last lines", async () => {
  const bench = repository({
    "sluice.yaml": "version: 1\nsandbox: off\n",
    "pipelines/p.yaml": pipeline(
      "flaky:",
      "  run: 'date +%s%N; exit 1'",
      "  outputs: [a]",
      "  retry: { attempts: 3, on: [error], delay: 10ms, backoff: fixed }",
    ),
    "pipelines/q.yaml": pipeline(
      "same:",
      "  run: 'echo same; exit 1'",
      "  outputs: [b]",
      "  retry: { attempts: 5, on: [error], delay: 10ms }",
    ),
  });
  bench.commit();

  const flaky = await bench.sluice("run", "p");
  const same = await bench.sluice("run", "q");

  expect(flaky.stderr.match(/▶ flaky/g)).toHaveLength(3);
  expect(same.stderr.match(/▶ same/g)).toHaveLength(2);
});

test("a gate that is missed is missed again where nothing is left to compute", async () => {
  const bench = repository({
    "pipelines/p.yaml": `${pipeline(`m: { run: 'echo "{\\"a\\": 1}" > m.json', metrics: [m.json] }`)}metrics: { a: { step: m, gate: ">= 2" } }\n`,
  });
  bench.commit();

  const first = await bench.sluice("run");
  const again = await bench.sluice("run");
  const third = await bench.sluice("run");
  const missed =
    "✗ p stops after m: a is 1 and misses its gate ≥ 2\n  next: improve it, or change `gate:` of `a`, then `sluice run`\n";

  const plan = await bench.sluice("plan");
  const detailed = await bench.sluice("plan", "--detailed-exitcode");
  const status = await bench.sluice("status");

  expect([first.code, again.code, third.code]).toEqual([1, 1, 1]);
  expect(again.stderr).toBe(missed);
  expect(plan).toMatchObject({ code: 0, stderr: missed });
  expect(detailed).toMatchObject({ code: 1, stderr: missed });
  expect(status).toMatchObject({ code: 0, stderr: missed });
  expect(recorded(bench)).toHaveLength(1);

  bench.write("pipelines/q.yaml", pipeline("s: { run: echo 1 > q, outputs: [q] }"));
  bench.git("add", "pipelines");
  bench.git("commit", "-q", "-m", "q");
  const beside = await bench.sluice("run");

  expect(beside.code).toBe(1);
  expect(beside.stderr).toContain(missed);
  expect(recorded(bench)).toHaveLength(2);

  const [left = ""] = recorded(bench);
  bench.write(
    `.sluice/runs/${left}.json`,
    JSON.stringify({ id: left, pipeline: "q", request: "local:0", source: "", plan: "", startedAt: "" }),
  );
  const leftOver = await bench.sluice("run");

  expect(leftOver.code).toBe(1);
  expect(leftOver.stderr).toBe(missed);
  expect(leftOver.stdout).toContain("nothing to do");
  expect(existsSync(join(bench.root, ".sluice/runs", `${left}.json`))).toBe(false);
});

test("--keep-going goes on with what does not depend on a failure", async () => {
  const bench = repository({
    "pipelines/p.yaml": pipeline(
      "bad: { run: 'false', outputs: [a] }",
      "after: { run: cp a b, inputs: [a], outputs: [b] }",
      "other: { run: echo 1 > c, outputs: [c] }",
    ),
  });
  bench.commit();

  const run = await bench.sluice("run", "--keep-going", "--jobs", "1");

  expect(run.code).toBe(1);
  expect(run.stdout).toMatch(/1 of 3 steps done/);
  expect(existsSync(join(bench.root, "c"))).toBe(true);
});

test("mistakes are told all at once, at their places, and nothing runs", async () => {
  const bench = repository({
    "pipelines/p.yaml": [
      "version: 1",
      "steps:",
      "  a: { run: 'true', inputs: [missing.txt], outputs: [x] }",
      "  b: { run: 'true', needs: [aa], outputs: [x] }",
      "  c: { rum: 'true' }",
    ].join("\n"),
    "pipelines/q.yaml":
      "version: 1\nsteps:\n  a: { run: 'true', inputs: [b.txt], outputs: [a.txt] }\n  b: { run: 'true', inputs: [a.txt], outputs: [b.txt] }\n",
  });
  bench.commit();

  const check = await bench.sluice("validate");
  const run = await bench.sluice("run");

  expect(check.code).toBe(1);
  expect(check.stderr).toContain("pipelines/p.yaml:5:8: error: unknown key `rum`");
  expect(check.stderr).toContain("did you mean `run`?");
  expect(check.stderr).toMatch(/pipelines\/q\.yaml:3:\d+: error: these steps wait for each other: a → b → a/);
  expect(run.code).toBe(1);
  expect(recorded(bench)).toHaveLength(0);
});

test("secrets are granted, redacted from logs, and refused without a grant", async () => {
  const bench = repository({
    "sluice.yaml": 'version: 1\nsecrets: { TOKEN: { from: "env:SLUICE_TEST_TOKEN" } }\n',
    "pipelines/p.yaml": pipeline(
      "s: { run: 'echo $TOKEN > t.txt', secrets: [TOKEN], outputs: [t.txt] }",
      "u: { run: 'echo $OTHER', secrets: [OTHER], cache: false }",
    ),
  });
  bench.commit();

  const run = await bench.sluice("run", "--keep-going");

  expect(run.code).toBe(1);
  expect(run.stderr).toMatch(/secret OTHER is not granted to u/);
});

test("a run at the keyboard gets what is granted to `local`, also where `command` is named, and nothing that is granted to others", async () => {
  const secret = (name: string, on: string): string => `  ${name}: { from: "env:GIT_AUTHOR_EMAIL", on: [${on}] }\n`;
  const bench = repository({
    "sluice.yaml": `version: 1\nsecrets:\n${secret("A", "local")}${secret("B", "push, command")}${secret("C", "push")}`,
    "pipelines/p.yaml": pipeline(
      "a: { run: 'test -n \"$A\" && echo a > a.txt', secrets: [A], outputs: [a.txt] }",
      "b: { run: 'test -n \"$B\" && echo b > b.txt', secrets: [B], outputs: [b.txt] }",
      "c: { run: 'echo c > c.txt', secrets: [C], outputs: [c.txt] }",
    ),
  });
  bench.commit();

  const run = await bench.sluice("run", "--keep-going");

  expect(run.code).toBe(1);
  expect(run.stderr).toMatch(/secret C is not granted to c/);
  expect(run.stderr).toContain("on: [local] }");
  expect(run.stderr).not.toMatch(/secret [AB] is not granted/);
  expect([readFileSync(join(bench.root, "a.txt"), "utf8"), readFileSync(join(bench.root, "b.txt"), "utf8")]).toEqual([
    "a\n",
    "b\n",
  ]);
});

test("what a secret or a metric is called never makes it a failure", async () => {
  const own = (name: string): string => `${name}: { from: "env:GIT_AUTHOR_EMAIL" }`;
  const metrics = `echo '{"kind": "NaN", "why": 1}' > m.json`;
  const bench = repository({
    "sluice.yaml": `version: 1\nsecrets: { ${own("kind")}, ${own("why")} }\n`,
    "pipelines/p.yaml": pipeline(
      "s: { run: 'echo said $kind; cp in.txt s.txt', inputs: [in.txt], secrets: [kind, why], outputs: [s.txt] }",
      `m: { run: '${metrics.replaceAll("'", "''")}', metrics: [m.json] }`,
    ),
    "in.txt": "in",
  });
  bench.commit();

  const run = await bench.sluice("run");

  expect(run.code, run.stderr).toBe(0);
});
