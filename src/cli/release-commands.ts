import type { Command } from "commander";

import { command, type Done } from "./define-command.ts";
import type { OfflineRollback } from "./offline-place.ts";
import type { SpeechFlags } from "./speak.ts";
import type { World } from "./world.ts";

/** What people do to environments; each is said on the forge in the person's name, where the service answers it. */
export function addReleases(program: Command, world: World, done: Done): void {
  const speak = (words: readonly (string | undefined)[], flags: SpeechFlags): Promise<void> => {
    const said = words.flatMap((word) => word ?? []);
    return done(import("./speak.ts").then((speech) => speech.speak(world, said, flags)));
  };
  const offline = (asked: OfflineRollback): Promise<void> =>
    done(import("./rollback-offline.ts").then(({ rollBackOffline }) => rollBackOffline(world, asked)));
  addPromotions(program, { speak, offline });
  addHalts(program, speak);
}

type Speak = (words: readonly (string | undefined)[], flags: SpeechFlags) => Promise<void>;

interface Ways {
  readonly speak: Speak;
  readonly offline: (asked: OfflineRollback) => Promise<void>;
}

function addPromotions(program: Command, { speak, offline }: Ways): void {
  spoken(command(program, "promote <environment> [pipeline] [run]", "sluice promote staging digits"))
    .description("asks for the newest run, or the one that is named, to be released; said on the forge as you")
    .option("--break-glass <reason>", "at once, past gates, soak and approvals; recorded and told to everybody")
    .action((environment: string, pipeline: string | undefined, run: string | undefined, flags: PromoteFlags) => {
      const { breakGlass } = flags;
      const glass = breakGlass === undefined ? [] : ["--break-glass", breakGlass];
      return speak(["promote", environment, pipeline, run, ...glass], flags);
    });
  spoken(command(program, "approve <environment> [pipeline]", "sluice approve staging digits"))
    .description("agrees to what the open promotion shows; said on the forge as you")
    .action((environment: string, pipeline: string | undefined, flags: SpeechFlags) =>
      speak(["approve", environment, pipeline], flags),
    );
  spoken(command(program, "rollback <environment> [pipeline] [run]", "sluice rollback prod digits"))
    .description("goes back to a release that was live before, and holds; said on the forge as you")
    .option("--offline", "while the forge is away: signed by an operator's key, deployed from here, recorded later")
    .action((environment: string, pipeline: string | undefined, run: string | undefined, flags: RollbackFlags) => {
      if (flags.offline === true) return offline({ environment, pipeline, run, remote: flags.remote ?? "origin" });
      return speak(["rollback", environment, pipeline, run], flags);
    });
}

function addHalts(program: Command, speak: Speak): void {
  spoken(command(program, "hold <place> <reason...>", "sluice hold prod/digits the holidays begin"))
    .description("lets nothing be promoted to <environment>[/pipeline]; said on the forge as you")
    .action((place: string, reason: string[], flags: SpeechFlags) => speak(["hold", place, ...reason], flags));
  spoken(command(program, "unhold <place>", "sluice unhold prod/digits"))
    .description("lifts a hold of <environment>[/pipeline], and what a rollback left; said on the forge as you")
    .action((place: string, flags: SpeechFlags) => speak(["unhold", place], flags));
  spoken(command(program, "freeze <environment> <reason...>", "sluice freeze prod the holidays begin"))
    .description("holds a whole environment; said on the forge as you")
    .action((place: string, reason: string[], flags: SpeechFlags) => speak(["freeze", place, ...reason], flags));
  spoken(command(program, "unfreeze <environment> <reason...>", "sluice unfreeze prod the holidays are over"))
    .description("lifts a freeze of an environment; said on the forge as you")
    .action((place: string, reason: string[], flags: SpeechFlags) => speak(["unfreeze", place, ...reason], flags));
}

function spoken(one: Command): Command {
  return one
    .option("--remote <remote>", "which repository (default: origin, or the only one)")
    .option("--wait <seconds>", "how long to wait for the answer", "60");
}

interface PromoteFlags extends SpeechFlags {
  readonly breakGlass?: string;
}

interface RollbackFlags extends SpeechFlags {
  readonly offline?: boolean;
}
