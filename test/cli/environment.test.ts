import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { BIN, ENV, repository, type Bench } from "../sluice.ts";

/** A project with a virtual environment that has these distributions installed, and a lock that pins others. */
function venv(installed: Readonly<Record<string, string>>, lock: string): Bench {
  const bench = repository({
    "sluice.yaml": "version: 1\nsandbox: off\n",
    ".gitignore": ".venv\n",
    "requirements.txt": lock,
    ".venv/pyvenv.cfg": "include-system-site-packages = false\n",
    ".venv/bin/python": "#!/bin/sh\n",
    "pipelines/p.yaml":
      "version: 1\nenvironment: { venv: .venv, lock: requirements.txt }\nsteps:\n  make: { run: echo made > out, outputs: [out] }\n",
  });
  for (const [name, version] of Object.entries(installed))
    bench.write(`.venv/lib/python3.11/site-packages/${name}-${version}.dist-info/METADATA`, `Version: ${version}\n`);
  bench.commit();
  return bench;
}

test("a step runs when its environment has what the lock pins, however names and versions are spelled", async () => {
  const lock = [
    "numpy==2.1.0 \\",
    "    --hash=sha256:0000000000000000000000000000000000000000000000000000000000000000",
    "Typing_Extensions==4.12  # a comment",
    "torch==2.5.1",
    "pywin32==306 ; sys_platform == 'win32'",
    "requests[socks]>=2",
    "-r other.txt",
    "",
  ].join("\n");
  const bench = venv({ numpy: "2.1.0", typing_extensions: "4.12.0", torch: "2.5.1+cpu" }, lock);

  const run = await bench.sluice("run");

  expect(run.code, run.stderr).toBe(0);
});

test("a lock that leaves versions open counts as not pinned, and says what to type", async () => {
  const bench = venv({}, "numpy>=1.20\n");

  const plan = await bench.sluice("plan", "--json");
  const checked = await bench.sluice("validate");

  expect(JSON.parse(plan.stdout)).toMatchObject({ pipelines: [{ pinned: false, unpinned: ["make"] }] });
  expect(checked.code).toBe(0);
  expect(checked.stdout + checked.stderr).toMatch(
    /^pipelines\/p\.yaml:2:14: warning: `requirements\.txt` does not pin what is installed[^]*`pip-compile --generate-hashes`/m,
  );
});

test("an environment that is not what its lock pins is refused, the first packages named", async () => {
  const lock = "a==1\nnumpy==2.1.0\nscipy==1.14.1\npandas==2.2.3\npolars==1.0\n";
  const bench = venv({ a: "1.0", numpy: "1.26.0", pandas: "2.2.2" }, lock);

  const run = await bench.sluice("run");

  expect(run.code).toBe(1);
  expect(run.stderr).toContain(
    ".venv is not what requirements.txt pins: numpy is 1.26.0 instead of 2.1.0, scipy 1.14.1 is not installed, pandas is 2.2.2 instead of 2.2.3, and 1 more",
  );
  expect(run.stderr).toContain(".venv/bin/pip install -r requirements.txt");
});

test("--allow-environment-drift runs it all the same: said, recorded, and never the result of its key", async () => {
  const bench = venv({ numpy: "1.26.0" }, "numpy==2.1.0\n");

  const run = await bench.sluice("run", "--allow-environment-drift");
  const show = JSON.parse((await bench.sluice("show", "latest", "--json")).stdout) as {
    run: { environmentDrift: boolean };
  };
  const strict = await bench.sluice("run");

  expect(run.code, run.stderr).toBe(0);
  expect(run.stderr).toContain("environment drift: .venv is not what requirements.txt pins: numpy is 1.26.0");
  expect(run.stdout).toContain("--allow-environment-drift");
  expect(run.stdout).toContain("cannot be promoted");
  expect(show.run.environmentDrift).toBe(true);
  expect(strict.code).toBe(1);
});

test("tools that differ are refused with the line to change, and run with drift allowed", async () => {
  const bench = repository({
    "sluice.yaml": "version: 1\nsandbox: off\n",
    "pipelines/p.yaml": 'version: 1\nsteps:\n  make: { run: echo made > out, tools: { git: "1.2" }, outputs: [out] }\n',
  });
  bench.commit();

  const strict = await bench.sluice("run");
  const loose = await bench.sluice("run", "--allow-environment-drift");

  expect(strict.code).toBe(1);
  expect(strict.stderr).toMatch(/git is 2\.[\d.]+ here, and 1\.2 is declared/);
  expect(strict.stderr).toMatch(/tools: \{ git: "2\.[\d.]+" \}/);
  expect(loose.code, loose.stderr).toBe(0);
  expect(loose.stderr).toMatch(/environment drift: git is 2\.[\d.]+ here/);
});

test("a tool that is nowhere is told by what its name may be, not by the line that stands there", async () => {
  const bench = repository({
    "sluice.yaml": "version: 1\nsandbox: off\n",
    "pipelines/p.yaml":
      'version: 1\nsteps:\n  make: { run: echo made > out, tools: { pyhton: "3.11" }, outputs: [out] }\n',
  });
  bench.commit();

  const run = await bench.sluice("run");
  const doctor = await bench.sluice("doctor");

  expect(run.stderr).toContain("pyhton is not found here");
  expect(run.stderr).toContain("correct its name under `tools:` (did you mean `python`?), or install `pyhton`");
  expect(run.stderr).not.toContain('tools: { pyhton: "3.11" }');
  expect(doctor.stdout).toContain("take `sandbox: off` out of sluice.yaml");
  expect(doctor.stdout).not.toContain("apt install bubblewrap");
});

test("node_modules that npm installed from another lock is refused", async () => {
  const optional = {
    "node_modules/fsevents": { version: "2.0.0", optional: true },
    "node_modules/esbuild": { version: "0.25.0", devOptional: true },
  };
  const lock = (version: string, more: object = {}): string =>
    JSON.stringify({
      name: "x",
      lockfileVersion: 3,
      packages: { "": { name: "x" }, "node_modules/left-pad": { version }, ...more },
    });
  const bench = repository({
    "sluice.yaml": "version: 1\nsandbox: off\n",
    ".gitignore": "node_modules\n",
    "package-lock.json": lock("1.3.0", optional),
    "node_modules/.package-lock.json": lock("1.2.0"),
    "pipelines/p.yaml":
      "version: 1\nenvironment: { node: package-lock.json }\nsteps:\n  make: { run: echo made > out, outputs: [out] }\n",
  });
  bench.commit();

  const refused = await bench.sluice("run");
  bench.write("node_modules/.package-lock.json", lock("1.3.0"));
  const fine = await bench.sluice("run");

  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("left-pad is 1.2.0 instead of 1.3.0");
  expect(refused.stderr).toContain("npm ci");
  expect(fine.code, fine.stderr).toBe(0);
});

test("a virtual environment that no `environment:` line names is warned about, with the line to add", async () => {
  const bench = repository({
    "pipelines/p.yaml": "version: 1\nsteps:\n  make: { run: date > out, outputs: [out] }\n",
    "requirements.txt": "",
    ".gitignore": ".venv\n",
    ".venv/pyvenv.cfg": "home = /usr/bin\n",
  });
  bench.commit();

  const plan = await bench.sluice("plan");
  bench.write(
    "pipelines/p.yaml",
    "version: 1\nenvironment: { system: true }\nsteps:\n  make: { run: date > out, outputs: [out] }\n",
  );
  const said = await bench.sluice("plan");

  expect(plan.code).toBe(0);
  expect(plan.stderr).toMatch(/^pipelines\/p\.yaml:1:1: warning: a virtual environment stands at `\.venv`/);
  expect(plan.stderr).toContain("add `environment: { venv: .venv, lock: requirements.txt }`");
  expect(plan.stdout).not.toContain("\n\n\n");
  expect(said.stderr).toBe("");

  bench.write(
    "pipelines/p.yaml",
    "version: 1\nsteps:\n  # environment: of nobody\n  make: { run: date > out, outputs: [out] }\n  made: { run: date > own, outputs: [own], environment: { system: true } }\n",
  );
  await bench.sluice("run");
  const again = await bench.sluice("run");

  expect(again.stderr).toMatch(/^pipelines\/p\.yaml:1:1: warning: a virtual environment stands at `\.venv`/);
  expect(again.stdout).toContain("nothing to do");
  expect(existsSync(join(bench.root, ".sluice/cache/up-to-date.json"))).toBe(true);
});

test("where a sandbox is required and none can be made, the refusal says what to do", () => {
  const bench = repository({
    "sluice.yaml": "version: 1\nsandbox: require\n",
    "pipelines/p.yaml": "version: 1\nsteps:\n  make: { run: date > out, outputs: [out] }\n",
  });
  bench.commit();
  const programs = join(bench.root, ".git", "programs");
  mkdirSync(programs);
  for (const name of ["git", "sh", "dirname", "readlink"])
    symlinkSync(execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim(), join(programs, name));

  const { status, stderr } = spawnSync(BIN, ["run"], {
    cwd: bench.root,
    env: { ...ENV, PATH: programs },
    encoding: "utf8",
  });

  expect([status, stderr]).toEqual([
    1,
    "sluice: `sandbox: require`, but bubblewrap is not installed\n  next: `apt install bubblewrap`, or `sandbox: auto` in sluice.yaml\n",
  ]);
});

test("what cannot be computed here is no difference: reproducing it says which step and why, and records nothing", async () => {
  const bench = venv({ numpy: "2.1.0" }, "numpy==2.1.0\n");
  await bench.sluice("run");
  const ledger = bench.git("rev-parse", "refs/sluice/local");
  renameSync(join(bench.root, ".venv"), join(bench.root, ".elsewhere"));

  const again = await bench.sluice("reproduce", "latest");

  expect(again.code).toBe(1);
  expect(again.stderr).toMatch(/run \w+ was not compared, and nothing was recorded\nmake could not be computed here: /);
  expect(again.stderr).toMatch(/\n {2}next: /);
  expect(again.stdout).not.toContain("does not give the same");
  expect(bench.git("rev-parse", "refs/sluice/local")).toBe(ledger);
});
