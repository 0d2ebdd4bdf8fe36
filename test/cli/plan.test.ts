import { rmSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { repository } from "../sluice.ts";

const SOURCE = "version: 1\nsteps:\n  make: { run: echo made > out, outputs: [out] }\n";

test("a plan says where steps could read more than they declare", async () => {
  const bench = repository({ "sluice.yaml": "version: 1\nsandbox: off\n", "pipelines/p.yaml": SOURCE });
  bench.commit();

  expect((await bench.sluice("plan")).stdout).toContain("isolation workspace: reads by absolute path are not noticed");
});

test("a plan as Markdown shows problems with their code frames, those of a file that cannot be read included", async () => {
  const bench = repository({
    "pipelines/broken.yaml": "version: 1\nsteps:\n  make: { rum: echo made > out, outputs: [out] }\n",
    "pipelines/missing.yaml": "version: 1\nsteps:\n  use: { run: cat no > out, inputs: [no.txt], outputs: [out] }\n",
  });
  bench.commit();

  const plan = await bench.sluice("plan", "--markdown");

  expect(plan.code).toBe(1);
  expect(plan.stdout).toContain("> 3 |   make: { rum: echo made > out, outputs: [out] }");
  expect(plan.stdout).toContain("> 3 |   use: { run: cat no > out, inputs: [no.txt], outputs: [out] }");
  expect(plan.stdout).toMatch(/Sluice · `pipelines\/broken.yaml`: \d problems?, nothing will run/);
});

test("the predicted time counts with the slots that a run would have", async () => {
  const bench = repository({
    "sluice.yaml": "version: 1\nsandbox: off\npools: { default: { concurrency: 1 } }\n",
    "pipelines/p.yaml":
      "version: 1\nsteps:\n  a: { run: 'sleep 0.3; echo > a', outputs: [a] }\n  b: { run: 'sleep 0.3; echo > b', outputs: [b] }\n",
  });
  bench.commit();
  for (let round = 0; round < 3; round++) await bench.sluice("run", "--force", "a", "--force", "b");
  bench.write(
    "pipelines/p.yaml",
    "version: 1\nsteps:\n  a: { run: 'sleep 0.3; echo > a #', outputs: [a] }\n  b: { run: 'sleep 0.3; echo > b #', outputs: [b] }\n",
  );

  const plan = JSON.parse((await bench.sluice("plan", "--json")).stdout) as {
    pipelines: { time: { totalMs: number } }[];
  };

  expect(plan.pipelines[0]?.time.totalMs).toBeGreaterThanOrEqual(600);
});

test("diff and explain tell what surrounded two runs and differs", async () => {
  const bench = repository({
    "sluice.yaml": "version: 1\nsandbox: off\n",
    "pipelines/p.yaml": SOURCE.replace("run:", 'tools: { git: "2" }, run:'),
  });
  bench.commit();
  await bench.sluice("run");
  bench.write("pipelines/p.yaml", SOURCE.replace("made", "again"));
  await bench.sluice("run");

  const diff = await bench.sluice("diff");
  const markdown = await bench.sluice("diff", "--markdown");
  const explain = await bench.sluice("explain", "make", "--run", "latest");

  expect(diff.stdout).toMatch(/Environment\n {2}tool git +2 → none +in make/);
  expect(markdown.stdout).toContain("| `tool git` | `2` | – | `make` |");
  expect(explain.stdout).toContain("git");
});

test("diff alone compares the newest two runs that succeeded, and names those between that did not", async () => {
  const metered = (value: string): string =>
    `version: 1\nmetrics: { score: { step: make, goal: higher } }\nsteps:\n  make:\n    run: |\n      echo '{"score": ${value}}' > m.json\n    metrics: [m.json]\n`;
  const bench = repository({ "sluice.yaml": "version: 1\nsandbox: off\n", "pipelines/p.yaml": metered("1") });
  bench.commit();
  await bench.sluice("run");
  const alone = await bench.sluice("diff");
  bench.write("pipelines/p.yaml", SOURCE.replace("echo made > out", "exit 3"));
  await bench.sluice("run");
  const failed = await bench.sluice("show", "latest", "--json");
  bench.write("pipelines/p.yaml", metered("2"));
  await bench.sluice("run");

  const diff = await bench.sluice("diff");

  expect(alone).toMatchObject({
    code: 64,
    stderr: expect.stringMatching(/no run of p but \w{4} succeeded: there is none/),
  });
  const { id } = (JSON.parse(failed.stdout) as { run: { id: string } }).run;
  expect(diff.stderr).toMatch(new RegExp(`^passed over: ${id.slice(0, 4)}\\w* \\(failed\\)`));
  expect(diff.stdout).toMatch(/score ↑ +1 +2 +\+1 +better/);
});

test("a plan that is remembered is the plan that would be made, whatever happened meanwhile", async () => {
  const bench = repository({
    "sluice.yaml": "version: 1\nsandbox: off\n",
    "params.yaml": "rate: 1\n",
    "in/a.txt": "a\r\n",
    "pipelines/p.yaml": [
      "version: 1",
      "params: params.yaml",
      "steps:",
      "  all: { run: 'cat in/*.txt > out', inputs: [in/*.txt], params: [rate], outputs: [out] }",
      "  end: { run: 'cp out end', inputs: [out], outputs: [end] }",
      "",
    ].join("\n"),
  });
  bench.commit();
  const remove = (path: string): void => rmSync(join(bench.root, path), { recursive: true, force: true });
  const happenings: readonly (readonly [string, () => unknown])[] = [
    ["nothing", () => undefined],
    ["an input changed and kept its size", () => bench.write("in/a.txt", "b\r\n")],
    ["another file matches", () => bench.write("in/b.txt", "b\n")],
    ["it was run", () => bench.sluice("run")],
    ["a parameter changed", () => bench.write("params.yaml", "rate: 2\n")],
    ["git converts line ends", () => bench.write(".gitattributes", "*.txt text\n")],
    ["it was run again", () => bench.sluice("run")],
    ["git converts no more", () => bench.write(".gitattributes", "*.txt -text\n")],
    ["and that was taken back", () => bench.write(".gitattributes", "*.txt text\n")],
    ["results were taken away", () => remove(".sluice/store/results")],
    ["the settings changed", () => bench.write("sluice.yaml", "version: 1\nsandbox: auto\n")],
    [
      "a step is gone",
      () => bench.write("pipelines/p.yaml", "version: 1\nsteps:\n  end: { run: 'echo > end', outputs: [end] }\n"),
    ],
  ];
  for (const [what, happen] of happenings) {
    await happen();
    const first = await bench.sluice("plan");
    const again = await bench.sluice("plan");
    remove(".sluice/cache");
    const anew = await bench.sluice("plan");
    expect([what, first]).toEqual([what, anew]);
    expect([what, again]).toEqual([what, anew]);
  }
});

test("many pipeline files are parsed on threads too: the plan is the same, and mistakes come in the order of the files", async () => {
  const bench = repository({ "sluice.yaml": "version: 1\nsandbox: off\n", in: "1\n" });
  // So many bytes that starting a thread pays; a comment takes none of the test's own time.
  const filler = `# ${"x".repeat(20_000)}\n`;
  for (let file = 10; file < 40; file++) {
    const step = `make: { run: cp in out-${file}, inputs: [in], outputs: [out-${file}] }`;
    bench.write(`pipelines/f${file}.yaml`, `version: 1\nsteps:\n  ${step}\n${filler}`);
  }
  bench.commit();
  const cold = await bench.sluice("plan", "--json");
  const warm = await bench.sluice("plan", "--json");
  for (const file of [11, 38]) bench.write(`pipelines/f${file}.yaml`, `version: 1\nsteps:\n  a: { rum: x }\n${filler}`);
  rmSync(join(bench.root, ".sluice", "cache"), { recursive: true });

  const broken = await bench.sluice("validate");

  expect(cold.code, cold.stderr).toBe(0);
  expect(JSON.parse(cold.stdout)).toEqual(JSON.parse(warm.stdout));
  expect(broken.code).toBe(1);
  const places = `${broken.stdout}${broken.stderr}`.matchAll(/pipelines\/(f\d\d)\.yaml:3:8/g);
  expect([...places].map(([, file]) => file)).toEqual(["f11", "f38"]);
});

test("a plan against a base tells what the change makes of it: causes, steps and pipelines taken away", async () => {
  const bench = repository({
    "pipelines/p.yaml":
      "version: 1\nsteps:\n  a: { run: cat in > a, inputs: [in], outputs: [a] }\n  b: { run: echo > b, outputs: [b] }\n",
    "pipelines/q.yaml": "version: 1\nsteps:\n  c: { run: echo > c, outputs: [c] }\n",
    "pipelines/r.yaml": "version: 1\nsteps:\n  d: { run: echo > d, outputs: [d] }\n",
    in: "1\n",
  });
  bench.commit();
  bench.git("checkout", "-q", "-b", "change");
  bench.write("in", "2\n");
  bench.write("pipelines/p.yaml", "version: 1\nsteps:\n  a: { run: cat in > a, inputs: [in], outputs: [a] }\n");
  bench.git("rm", "-q", "pipelines/r.yaml");
  bench.commit();

  const text = await bench.sluice("plan", "--base", "main");
  const markdown = await bench.sluice("plan", "--base", "main", "--markdown");
  const json = JSON.parse((await bench.sluice("plan", "--base", "main", "--json")).stdout) as { removed: unknown };

  expect(text.stdout).toMatch(/▶ a +input in changed/);
  expect(text.stdout).toMatch(/− b +not in this pipeline any more/);
  expect(text.stdout).toContain("\nremoved: r\n");
  expect(markdown.stdout).toContain("\nRemoved: `r`\n");
  expect(json.removed).toEqual(["r"]);
});

test("explain tells of every pipeline that has the step, of the one that is named, and of none in silence", async () => {
  const bench = repository({
    "sluice.yaml": "version: 1\nsandbox: off\n",
    "pipelines/p.yaml": SOURCE,
    "pipelines/q.yaml": SOURCE.replace("outputs: [out]", "outputs: [other]").replace("> out", "> other"),
  });
  bench.commit();
  await bench.sluice("run", "q");

  const both = await bench.sluice("explain", "make");
  const one = await bench.sluice("explain", "q/make", "--json");
  const which = await bench.sluice("explain", "make", "--json");
  const recorded = await bench.sluice("explain", "q/make", "--run", "latest");
  const elsewhere = await bench.sluice("explain", "p/make", "--run", "latest");
  const none = await bench.sluice("explain", "q/mak");

  expect(both.stdout).toMatch(/^p\/make runs: [^]*\nq\/make is cached: /);
  expect(JSON.parse(one.stdout)).toMatchObject({ pipeline: "q", step: "make", verdict: { kind: "cached" } });
  expect(which).toMatchObject({ code: 64, stdout: "", stderr: expect.stringContaining("p/make, q/make") as string });
  expect(recorded.stdout).toMatch(/^q\/make ran: /);
  expect(elsewhere).toMatchObject({
    code: 64,
    stderr: expect.stringMatching(/run \S+ of q has no step p\/make/) as string,
  });
  expect(none).toMatchObject({ code: 64, stderr: expect.stringContaining("did you mean q/make?") as string });
});
