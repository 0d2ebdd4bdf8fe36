import { dirname } from "node:path";

import { EXIT, Refusal } from "./exit.ts";
import { plan } from "./plan.ts";
import { run } from "./run.ts";
import { PLAIN_RUN } from "./runnable.ts";
import type { Unwritable } from "../result/unwritable.ts";
import type { World } from "./world.ts";

/** Runs one command and answers its exit code; refusals are said in a sentence, surprises as a bug of ours. */
export async function answer(world: World, argv: readonly string[]): Promise<number> {
  try {
    // The commands typed most: where nothing changed, reading the command line would be the longest part of them.
    if (argv.length === 1 && argv[0] === "run") return await run(world, [], PLAIN_RUN);
    if (argv.length === 1 && argv[0] === "plan") return await plan(world, [], {});
    const { runCommand } = await import("./command.ts");
    return await runCommand(world, argv);
  } catch (error) {
    return explain(world, error);
  }
}

async function explain(world: World, error: unknown): Promise<number> {
  if (error instanceof Refusal) {
    world.terminal.say(`sluice: ${error.message}\n`);
    return error.code;
  }
  const { FilterFailure } = await import("../git/git.ts");
  if (error instanceof FilterFailure) {
    const { renderProblem } = await import("../problem/frame.ts");
    world.terminal.say(renderProblem(error.problem, undefined, { color: world.terminal.color }));
    return EXIT.bad;
  }
  const { unwritable } = await import("../result/unwritable.ts");
  const refused = unwritable(error);
  if (refused !== undefined) return explainUnwritable(world, refused);
  const text =
    error instanceof Error ? [error.stack ?? error.message, ...causes(error.cause)].join("\n") : String(error);
  world.terminal.say(`sluice: this is a bug of ours, please report it:\n${text}\n`);
  return EXIT.bug;
}

function explainUnwritable({ terminal }: World, { kind, path }: Unwritable): number {
  const place = path ?? "the index below .sluice";
  if (kind === "full") {
    terminal.say(
      `sluice: the disk is full: ${place} could not be written\n  next: make room, such as by \`sluice gc\`, which removes what no run needs; then the same again\n`,
    );
    return EXIT.later;
  }
  terminal.say(
    `sluice: ${place} may not be read or written here\n  next: \`ls -ld ${dirname(place)}\` shows whose it is; where it is not yours, work in a clone of your own\n`,
  );
  return EXIT.forbidden;
}

function causes(cause: unknown): readonly string[] {
  return cause instanceof Error ? [`caused by: ${cause.stack ?? cause.message}`, ...causes(cause.cause)] : [];
}
