import { Command, CommanderError, InvalidArgumentError, Option } from "commander";

import { command, type Done } from "./define-command.ts";
import { EXIT, Refusal } from "./exit.ts";
import { addReleases } from "./release-commands.ts";
import type { RunFlags } from "./runnable.ts";
import type { World } from "./world.ts";

/** Parses the command line, runs one command and answers its exit code; what commands throw goes through. */
export async function runCommand(world: World, argv: readonly string[]): Promise<number> {
  let code: number = EXIT.fine;
  const done = (result: Promise<number>): Promise<void> => result.then((answer) => void (code = answer));
  const program = build(world, done);
  try {
    if (argv[0] === "complete") {
      // `sluice complete zsh|bash|fish|powershell` prints a script; the script asks the same command for words.
      const { default: tab } = await import("@bomb.sh/tab/commander");
      const { completeNames } = await import("./complete.ts");
      await completeNames(world, tab(program), argv[2]);
    }
    await program.parseAsync([...argv], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.fine : EXIT.usage;
    throw error;
  }
}

function build(world: World, done: Done): Command {
  const program = new Command("sluice")
    .description("Pipelines for models and data, driven by changes of a repository.")
    .version(world.version)
    .exitOverride()
    .configureOutput({ writeOut: (text) => world.terminal.print(text), writeErr: (text) => world.terminal.say(text) })
    .addHelpText("after", "\nShell completion: source <(sluice complete bash), also zsh, fish and powershell")
    .showSuggestionAfterError()
    .showHelpAfterError("(sluice --help lists the commands)");
  addPlanning(program, world, done);
  addHistory(program, world, done);
  addReleases(program, world, done);
  addUpkeep(program, world, done);
  addStart(program, world, done);
  addService(program, world, done);
  return program;
}

function addPlanning(program: Command, world: World, done: Done): void {
  command(program, "validate [files...]", "sluice validate")
    .description("problems with code frames; exit 1 if any")
    .option("--json", "one JSON document on stdout")
    .action((files: string[], flags: { json?: boolean }) =>
      done(import("./validate.ts").then(({ validate }) => validate(world, files, flags))),
    );
  command(program, "plan [pipelines...]", "sluice plan digits --base main")
    .description("what would run and why")
    .option("--base <ref>", "the change that a merge into REF would make")
    .addOption(new Option("--json", "one JSON document on stdout").conflicts("markdown"))
    .option("--markdown", "as a pull request shows it")
    .option("--detailed-exitcode", "exit 2 when there is work, 1 when a gate is missed")
    .action((names: string[], flags: object) =>
      done(import("./plan.ts").then(({ plan }) => plan(world, names, flags))),
    );
  command(program, "run [pipelines...]", "sluice run --param train.learning_rate=0.05")
    .alias("repro")
    .description("plans, executes, records")
    .option("-j, --jobs <n>", "steps at once", wholeNumber)
    .option("--keep-going", "after a failure, go on with what does not depend on it")
    .option("--force <step>", "compute a step again (repeatable)", collect, [])
    .option("--param <k=v>", "replace a parameter for this run (repeatable)", collect, [])
    .option("--fix", "write the line that a failed step lacks in `inputs:` or `outputs:`")
    .option("--with-effects", "also run steps that change the outside world")
    .option("--no-checkout", "leave the work tree as it is")
    .option("--allow-environment-drift", "run although tools or locks differ (recorded)")
    .action((names: string[], flags: RunFlags) => done(import("./run.ts").then(({ run }) => run(world, names, flags))));
}

function wholeNumber(value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number > 0) return number;
  throw new InvalidArgumentError("It takes a whole number above 0.");
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

function addHistory(program: Command, world: World, done: Done): void {
  command(program, "log [pipeline]", "sluice log digits")
    .description("recorded runs, newest first; with --env what happened to an environment")
    .option("--env <environment>", "releases, approvals, holds and rollbacks of an environment")
    .option("--json", "one JSON document on stdout")
    .option("-n, --limit <n>", "at most so many", wholeNumber)
    .action((pipeline: string | undefined, flags: object) =>
      done(import("./history.ts").then(({ log }) => log(world, pipeline, flags))),
    );
  command(program, "show <run>", "sluice show latest")
    .description("one run, such as latest, #12 or prod:digits: who, when, from what, step by step, what came out")
    .option("--json", "one JSON document on stdout")
    .action((run: string, flags: object) => done(import("./history.ts").then(({ show }) => show(world, run, flags))));
  command(program, "diff [a] [b]", "sluice diff latest~1 latest")
    .description("two runs, else the last two that succeeded: parameters, code, data, metrics, durations")
    .addOption(new Option("--json", "one JSON document on stdout").conflicts("markdown"))
    .option("--markdown", "as a pull request shows it")
    .action((a: string | undefined, b: string | undefined, flags: object) =>
      done(import("./history.ts").then(({ diff }) => diff(world, [a, b], flags))),
    );
  command(program, "logs <run> [step]", "sluice logs latest train")
    .description("what the steps of a run wrote")
    .option("-f, --follow", "goes on with what they write until they end (a run of a service)")
    .action((run: string, step: string | undefined, flags: { follow?: boolean }) =>
      done(import("./logs.ts").then(({ logs }) => logs(world, { run, step, follow: flags.follow === true }))),
    );
  command(program, "graph [pipelines...]", "sluice graph --mermaid")
    .description("the steps and what flows between them")
    .addOption(new Option("--mermaid", "for Markdown").conflicts(["dot", "json"]))
    .addOption(new Option("--dot", "for Graphviz").conflicts("json"))
    .option("--json", "one JSON document on stdout")
    .action((names: string[], flags: object) =>
      done(import("./graph.ts").then(({ graph }) => graph(world, names, flags))),
    );
  command(program, "explain <step>", "sluice explain train --run latest")
    .alias("why")
    .description("why a step, also <pipeline>/<step>, runs or is cached: the difference of its key documents")
    .option("--run <run>", "why it did in that run")
    .option("--json", "one JSON document on stdout")
    .action((step: string, flags: object) =>
      done(import("./explain.ts").then(({ explain }) => explain(world, step, flags))),
    );
  command(program, "get <what>", "sluice get latest:build/model.json -o /tmp/digits")
    .description("artifacts of a run, verified: <run> or <run>:<path>, such as prod:digits:build/model.json")
    .option("-o, --output <dir>", "directory to put them in, each at its own path (default: here)")
    .action((what: string, flags: object) => done(import("./get.ts").then(({ get }) => get(world, what, flags))));
  command(program, "status", "sluice status")
    .alias("ps")
    .description("what a run would do, what is under way, what ran last; what is live, held and asked for where")
    .option("--pool <pool>", "a pool of a service instead: its workers, what they have, how far runs are")
    .option("--json", "one JSON document on stdout")
    .action(({ pool, ...flags }: { pool?: string; json?: boolean }) =>
      done(
        pool === undefined
          ? import("./status.ts").then(({ status }) => status(world, flags))
          : import("./pool.ts").then(({ ps }) => ps(world, { pool, ...flags })),
      ),
    );
}

function addUpkeep(program: Command, world: World, done: Done): void {
  command(program, "retry <run>", "sluice retry latest")
    .description("a failed run again; what had finished is kept")
    .action((run: string) => done(import("./retry.ts").then(({ retry }) => retry(world, run))));
  command(program, "cancel <run>", "sluice cancel latest")
    .description("stops a run under way; what finished is kept")
    .action((run: string) => done(import("./cancel.ts").then(({ cancel }) => cancel(world, run))));
  command(program, "backfill <pipeline> <range>", "sluice backfill digits 2026-01-01..2026-01-31")
    .description("runs of past schedule slots (needs the service)")
    .action((pipeline: string, range: string) =>
      done(
        Promise.reject(
          new Refusal(
            EXIT.usage,
            `backfill of ${pipeline} over ${range}: past slots are run by the service, not on a laptop\n  next: sluice run ${pipeline} --param date=… for one of them`,
          ),
        ),
      ),
    );
  command(program, "reproduce <run>", "sluice reproduce latest")
    .description(
      "computes a run again from the ledger, compares every digest and metric, and records that; exit 1 on difference",
    )
    .option("-j, --jobs <n>", "steps at once", wholeNumber)
    .action((run: string, flags: object) =>
      done(import("./reproduce.ts").then(({ reproduce }) => reproduce(world, run, flags))),
    );
  command(program, "audit", "sluice audit --from 2026-01-01 --to 2026-04-01 --format html > audit.html")
    .description("what reached environments: who asked, who approved, on which evidence and with what; offline")
    .option("--from <date>", "from this day or instant on (UTC)")
    .option("--to <date>", "before this day or instant (UTC)")
    .option("--format <format>", "md, json, csv or html", "md")
    .action((flags: object) => done(import("./audit.ts").then(({ audit }) => audit(world, flags))));
  command(program, "verify [run]", "sluice verify --all")
    .description("signatures, digests and the ledger's chain, offline; exit 1 when anything is wrong")
    .option("--all", "every run (the default without a run)")
    .option("--json", "one JSON document on stdout")
    .action((run: string | undefined, flags: object) =>
      done(import("./verify.ts").then(({ verify }) => verify(world, run, flags))),
    );
  command(program, "gc", "sluice gc")
    .description("removes bytes that no recorded run names")
    .option("--all", "also what is younger than seven days")
    .action((flags: object) => done(import("./housekeeping.ts").then(({ gc }) => gc(world, flags))));
  program
    .command("cache")
    .description("derived files")
    .addHelpText("after", "\nExample:\n  sluice cache rebuild\n")
    .command("rebuild")
    .description("makes them anew from the ledger and the store")
    .addHelpText("after", "\nExample:\n  sluice cache rebuild\n")
    .action(() => done(import("./housekeeping.ts").then(({ rebuildCache }) => rebuildCache(world))));
  command(program, "doctor", "sluice doctor")
    .description("checks everything and says what to do")
    .option("--json", "one JSON document on stdout")
    .action((flags: object) => done(import("./housekeeping.ts").then(({ doctor }) => doctor(world, flags))));
  command(program, "pin [pipelines...]", "sluice pin")
    .description("writes the digests of image tags into the pipeline files; asks their registries")
    .action((names: string[]) => done(import("./pin.ts").then(({ pin }) => pin(world, names))));
  const data = program
    .command("data")
    .description("pinned datasets")
    .addHelpText("after", "\nExample:\n  sluice data add raw\n");
  for (const verb of ["add", "update"]) {
    command(data, `${verb} <name>`, `sluice data ${verb} raw`)
      .description(
        verb === "add" ? "pins a dataset: writes its digest to datasets/<name>.yaml" : "pins what stands there now",
      )
      .action((name: string) => done(import("./data.ts").then(({ pinDataset }) => pinDataset(world, name))));
  }
  command(data, "status", "sluice data status")
    .description("each dataset and whether its bytes are what is pinned")
    .action(() => done(import("./data.ts").then(({ dataStatus }) => dataStatus(world))));
}

function addStart(program: Command, world: World, done: Done): void {
  command(program, "init", "sluice init")
    .description("writes sluice.yaml and a first pipeline; reads dvc.yaml, a Makefile or scripts if there are any")
    .action(() => done(import("./init.ts").then(({ init }) => init(world))));
}

function addService(program: Command, world: World, done: Done): void {
  command(program, "serve", "sluice serve --setup")
    .description("the controller: web, plans, runs and one worker, until it is stopped")
    .option("--setup", "creates the GitHub App in a browser and keeps its key in SLUICE_DATA")
    .action((flags: object) => done(import("./serve.ts").then(({ serve }) => serve(world, flags))));
  command(program, "worker", "sluice worker --pool gpu --concurrency 2")
    .description("takes steps of a pool from the queue, until it is stopped")
    .option("--pool <pool>", "which steps", "default")
    .option("--concurrency <n>", "steps at once (default: `concurrency` of the pool in SLUICE_CONFIG, else 2)")
    .action((flags: { pool: string; concurrency?: string }) =>
      done(import("./worker.ts").then(({ worker }) => worker(world, flags))),
    );
  command(program, "pause", "sluice pause --pool gpu")
    .description("lets nothing new begin in a pool; what runs goes on")
    .option("--pool <pool>", "which pool", "default")
    .action((flags: { pool: string }) => done(import("./pool.ts").then(({ pause }) => pause(world, flags))));
  command(program, "unpause", "sluice unpause --pool gpu")
    .description("lets steps of a pool begin again")
    .option("--pool <pool>", "which pool", "default")
    .action((flags: { pool: string }) => done(import("./pool.ts").then(({ unpause }) => unpause(world, flags))));
  command(program, "demo", "sluice demo")
    .description("the whole story on this machine: a local forge, pull request, plan, run, merge")
    .action(() => done(import("./demo.ts").then(({ demo }) => demo(world))));
}
