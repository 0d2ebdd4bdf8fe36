import { safeLog } from "../report/safe-text.ts";
import { EXIT, Refusal } from "./exit.ts";
import { followLogs } from "./follow.ts";
import { selectRun } from "./select-run.ts";
import { servedLog } from "./served.ts";
import { openSession } from "./session.ts";
import type { World } from "./world.ts";

interface Asked {
  readonly run: string;
  readonly step: string | undefined;
  readonly follow: boolean;
}

/** `sluice logs [-f] <run> [step]`: what steps wrote, or write. */
export async function logs(world: World, { run, step, follow }: Asked): Promise<number> {
  const followed = follow ? await followLogs(world, run, step) : undefined;
  if (followed !== undefined) return followed;
  const { repository, project } = await openSession(world);
  const { record } = await selectRun(repository, run);
  const wanted = record.steps.filter((one) => step === undefined || one.name === step);
  if (wanted.length === 0)
    throw new Refusal(EXIT.usage, `run ${run} has no step ${step ?? ""}\n  next: sluice show ${run}`);
  const store = await repository.store(project.settings);
  const { terminal } = world;
  const silent = wanted.every(({ attempts }) => attempts.every(({ log }) => log === null));
  for (const one of wanted) {
    if (one.outcome.kind === "cached" && silent)
      terminal.say(
        `${one.name} was not computed in run ${run}: it is from run ${one.outcome.from}\n  next: sluice logs ${one.outcome.from} ${one.name}\n`,
      );
    for (const { log } of one.attempts) {
      if (log === null) continue;
      const bytes = await store.read(log);
      const text =
        bytes === undefined
          ? await servedLog(world, log)
          : new TextDecoder().decode(await repository.logs.plain(bytes));
      if (wanted.length > 1) terminal.print(`── ${one.name}\n`);
      terminal.print(text === undefined ? GONE : terminal.isTerminal ? safeLog(text) : text);
    }
  }
  if (silent && wanted.every(({ outcome }) => outcome.kind !== "cached"))
    terminal.say(
      wanted.length > 3
        ? `none of its ${wanted.length} steps wrote anything in run ${run}\n`
        : `${wanted.map(({ name }) => name).join(", ")} wrote nothing in run ${run}\n`,
    );
  return EXIT.fine;
}

const GONE = "(this log is not in the store here any more; where a service ran it: SLUICE_DATA=… sluice logs …)\n";
