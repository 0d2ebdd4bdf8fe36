import { Command, CommanderError, Option } from "commander";

import { EXIT, Refusal } from "./exit.ts";
import type { World } from "./world.ts";

/** Parses the command line, runs one command and answers its exit code. */
export async function runCommand(world: World, argv: readonly string[]): Promise<number> {
  let code: number = EXIT.fine;
  const done = (result: Promise<number>): Promise<void> => result.then((answer) => void (code = answer));
  const program = build(world, done);
  try {
    await program.parseAsync([...argv], { from: "user" });
    return code;
  } catch (error) {
    return explain(world, error);
  }
}

function explain(world: World, error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.fine : EXIT.usage;
  if (error instanceof Refusal) {
    world.terminal.say(`sluice: ${error.message}\n`);
    return error.code;
  }
  const text = error instanceof Error ? [error.stack ?? error.message, ...causes(error.cause)].join("\n") : String(error);
  world.terminal.say(`sluice: this is a bug of ours, please report it:\n${text}\n`);
  return EXIT.bug;
}

function causes(cause: unknown): readonly string[] {
  return cause instanceof Error ? [`caused by: ${cause.stack ?? cause.message}`, ...causes(cause.cause)] : [];
}

type Done = (result: Promise<number>) => Promise<void>;

function build(world: World, done: Done): Command {
  const program = new Command("sluice")
    .description("Pipelines for models and data, driven by changes of a repository.")
    .version(world.version)
    .exitOverride()
    .configureOutput({ writeOut: (text) => world.terminal.print(text), writeErr: (text) => world.terminal.say(text) })
    .showSuggestionAfterError()
    .showHelpAfterError("(sluice --help lists the commands)");
  addPlanning(program, world, done);
  return program;
}

/** Each command shows an example below its help. */
function command(program: Command, usage: string, example: string): Command {
  return program.command(usage).addHelpText("after", `\nExample:\n  ${example}\n`);
}

function addPlanning(program: Command, world: World, done: Done): void {
  command(program, "validate [files...]", "sluice validate")
    .description("problems with code frames; exit 1 if any")
    .option("--json", "one JSON document on stdout")
    .action((files: string[], flags: { json?: boolean }) => done(import("./validate.ts").then(({ validate }) => validate(world, files, flags))));
  command(program, "plan [pipelines...]", "sluice plan digits --base main")
    .description("what would run and why")
    .option("--base <ref>", "the change that a merge into REF would make")
    .addOption(new Option("--json", "one JSON document on stdout").conflicts("markdown"))
    .option("--markdown", "as a pull request shows it")
    .option("--detailed-exitcode", "exit 2 when there is work")
    .action((names: string[], flags: object) => done(import("./plan.ts").then(({ plan }) => plan(world, names, flags))));
  command(program, "run [pipelines...]", "sluice run --param train.learning_rate=0.05")
    .alias("repro")
    .description("plans, executes, records")
    .option("-j, --jobs <n>", "steps at once", Number)
    .option("--keep-going", "after a failure, go on with what does not depend on it")
    .option("--force <step>", "compute a step again (repeatable)", collect, [])
    .option("--param <k=v>", "replace a parameter for this run (repeatable)", collect, [])
    .option("--fix", "write the input line that a near miss asks for")
    .option("--with-effects", "also run steps that change the outside world")
    .option("--no-checkout", "leave the work tree as it is")
    .option("--allow-environment-drift", "run although tools or locks differ (recorded)")
    .action((names: string[], flags: import("./run.ts").RunFlags) => done(import("./run.ts").then(({ run }) => run(world, names, flags))));
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}
