import type { Command } from "commander";

import { command, type Done } from "./define-command.ts";
import { EXIT, Refusal } from "./exit.ts";
import type { SpeechFlags } from "./speak.ts";
import type { World } from "./world.ts";

/** What people do to environments; each is said on the forge in the person's name, where the service answers it. */
export function addReleases(program: Command, world: World, done: Done): void {
  const speak = (words: readonly (string | undefined)[], flags: SpeechFlags): Promise<void> =>
    done(
      import("./speak.ts").then((speech) =>
        speech.speak(
          world,
          words.flatMap((word) => word ?? []),
          flags,
        ),
      ),
    );
  const spoken = (usage: string, example: string, description: string): Command =>
    command(program, usage, example)
      .description(`${description}; said on the forge as you`)
      .option("--remote <remote>", "which repository (default: origin, or the only one)")
      .option("--wait <seconds>", "how long to wait for the answer", "60");

  spoken(
    "promote <environment> [pipeline] [run]",
    "sluice promote staging digits",
    "asks for the newest run to be released",
  )
    .option("--break-glass <reason>", "past gates and approvals (not in this version)")
    .action(
      (environment: string, pipeline: string | undefined, run: string | undefined, flags: PromoteFlags) =>
        whyNotPromoted(environment, run, flags) ?? speak(["promote", environment, pipeline], flags),
    );
  spoken(
    "approve <environment> [pipeline]",
    "sluice approve staging digits",
    "agrees to what the open promotion shows",
  ).action((environment: string, pipeline: string | undefined, flags: SpeechFlags) =>
    speak(["approve", environment, pipeline], flags),
  );
  spoken(
    "rollback <environment> [pipeline] [run]",
    "sluice rollback prod digits",
    "goes back to a release that was live before, and holds",
  )
    .option("--offline", "without the forge (not in this version)")
    .action((environment: string, pipeline: string | undefined, run: string | undefined, flags: RollbackFlags) => {
      if (flags.offline === true) throw offline(environment, pipeline);
      return speak(["rollback", environment, pipeline, run], flags);
    });
  for (const verb of ["hold", "freeze"] as const) {
    const place = verb === "hold" ? "prod/digits" : "prod";
    spoken(
      `${verb} <place> <reason...>`,
      `sluice ${verb} ${place} the holidays begin`,
      verb === "hold" ? "lets nothing be promoted to <environment>[/pipeline]" : "holds a whole environment",
    ).action((where: string, reason: string[], flags: SpeechFlags) => speak([verb, where, ...reason], flags));
  }
  spoken(
    "unhold <place>",
    "sluice unhold prod/digits",
    "lifts a hold of <environment>[/pipeline], and what a rollback left",
  ).action((where: string, flags: SpeechFlags) => speak(["unhold", where], flags));
  spoken(
    "unfreeze <place> <reason...>",
    "sluice unfreeze prod the holidays are over",
    "lifts a freeze of an environment",
  ).action((where: string, reason: string[], flags: SpeechFlags) => speak(["unfreeze", where, ...reason], flags));
}

interface PromoteFlags extends SpeechFlags {
  readonly breakGlass?: string;
}

interface RollbackFlags extends SpeechFlags {
  readonly offline?: boolean;
}

function whyNotPromoted(environment: string, run: string | undefined, flags: PromoteFlags): never | undefined {
  if (flags.breakGlass !== undefined)
    throw new Refusal(
      EXIT.usage,
      `releasing past gates and approvals is not in this version\n  next: sluice promote ${environment}, and ask whoever may approve`,
    );
  if (run !== undefined)
    throw new Refusal(
      EXIT.usage,
      `the service promotes the newest run of the default branch, and none that is named\n  next: sluice promote ${environment}; to one that was live: sluice rollback ${environment} <pipeline> ${run}`,
    );
  return undefined;
}

/** The ledger is the service's: without the forge there is nobody who could record a rollback. */
function offline(environment: string, pipeline: string | undefined): Refusal {
  const name = pipeline === undefined ? environment : `${environment}:${pipeline}`;
  return new Refusal(
    EXIT.usage,
    `a rollback without the forge is not in this version\n  next: sluice get ${name}~1 fetches what was live before, to be brought there by hand; then sluice rollback ${environment} when the forge is back`,
  );
}
