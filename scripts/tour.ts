import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { quoted } from "../src/cli/commit-line.ts";

/** The main job in a scratch copy of examples/digits: plan, run, change a parameter, plan, run, diff, log. */
const root = join(import.meta.dirname, "..");
const sluice = join(root, "bin", "sluice");
const here = mkdtempSync(join(tmpdir(), "sluice-digits-"));

function run(program: string, args: readonly string[], show = true): void {
  if (show) process.stdout.write(`\n$ ${[program === sluice ? "sluice" : program, ...args].join(" ")}\n`);
  const env = {
    ...process.env,
    GIT_AUTHOR_NAME: "You",
    GIT_AUTHOR_EMAIL: "you@example.org",
    GIT_COMMITTER_NAME: "You",
    GIT_COMMITTER_EMAIL: "you@example.org",
  };
  const ended = spawnSync(program, args, { cwd: here, env, stdio: show ? "inherit" : "ignore" });
  if (ended.status !== 0) {
    process.stderr.write(`${program} ${args.join(" ")} ended with ${String(ended.status ?? ended.error)}\n`);
    process.exit(1);
  }
}

cpSync(join(root, "examples", "digits"), here, { recursive: true });
run("git", ["init", "-q", "-b", "main"], false);
run("git", ["add", "-A"], false);
run("git", ["commit", "-qm", "The digits"], false);

process.stdout.write(`A copy of examples/digits in ${here}: 1,797 handwritten digits, three steps.\n`);
run(sluice, ["plan"]);
run(sluice, ["run"]);

const params = join(here, "params.yaml");
writeFileSync(params, readFileSync(params, "utf8").replace("learning_rate: 0.1", "learning_rate: 0.05"));
process.stdout.write("\nNow params.yaml says learning_rate: 0.05 instead of 0.1.\n");
run(sluice, ["plan"]);
run(sluice, ["run"]);
run(sluice, ["diff"]);
run(sluice, ["log"]);
run("git", ["log", "--format=%s", "refs/sluice/local"]);
process.stdout.write(
  `\nEverything is left in ${here} for you to look at. Next: cd ${quoted(here)}, or to a repository of your own, and ${quoted(sluice)} --help\n`,
);
