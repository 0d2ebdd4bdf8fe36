import { fourCharacters } from "../report/words.ts";
import { EXIT, Refusal } from "./exit.ts";
import { notStarted, openService } from "./serve.ts";
import type { OpenRuns, ServedRun, World } from "./world.ts";

/**
 * Asks the service whose queue this environment names for its runs; undefined where it names none. Whoever reaches the
 * queue is its operator: nobody else is asked for leave.
 */
export async function withRuns<Answer>(
  world: World,
  act: (runs: OpenRuns) => Promise<Answer>,
): Promise<Answer | undefined> {
  if (!world.service.named) return undefined;
  const read = await world.service.workerConfig();
  if (read.kind === "bad") throw notStarted("asking the service", read.variables);
  const opened = await (await openService(world)).runs(read.config);
  if (typeof opened === "number")
    throw new Refusal(EXIT.later, "the service's queue cannot be asked\n  next: try again");
  try {
    return await act(opened);
  } finally {
    await opened[Symbol.asyncDispose]();
  }
}

/**
 * The run of a service that a person means: an id, a unique beginning of it, or `latest` of this clone's repository;
 * undefined: none of them.
 */
export async function servedRun(world: World, runs: OpenRuns, name: string): Promise<ServedRun | undefined> {
  const all = await runs.list();
  if (name === "latest") return newestHere(world, all);
  const found = all.filter(({ id }) => name.length >= 4 && id.startsWith(name));
  if (found.length > 1)
    throw new Refusal(
      EXIT.usage,
      [`${name} could be any of`, ...found.map(({ id, pipeline }) => `  ${id}  ${pipeline}`)].join("\n"),
    );
  return found[0];
}

/** A service serves many: the newest of all of them may be another team's. */
async function newestHere(world: World, all: readonly ServedRun[]): Promise<ServedRun | undefined> {
  if (all.length === 0) return undefined;
  const opened = await world.openRepository();
  const here = opened.kind === "ok" ? await world.repositoryOnForge(opened.repository) : undefined;
  if (here === undefined)
    throw new Refusal(
      EXIT.usage,
      [
        "latest is a run of this clone's repository, and no remote here tells which one on the forge that is",
        "  next: say the run's id. Under way are",
        ...all.map(({ id, pipeline, repository }) => `  ${id}  ${pipeline} in ${repository}`),
      ].join("\n"),
    );
  return all
    .filter(({ repository }) => repository.toLowerCase() === here)
    .toSorted((a, b) => (a.acceptedAt < b.acceptedAt ? 1 : -1))[0];
}

/** A log that the service keeps of what it ran; undefined where its store is not on this machine. */
export async function servedLog(world: World, digest: string): Promise<string | undefined> {
  if (!world.service.named) return undefined;
  const read = await world.service.workerConfig();
  return read.kind === "bad" ? undefined : (await openService(world)).log(read.config, digest);
}

const POLL_MS = 200;
/** Its steps get two seconds to end, and its record one push. */
const PATIENCE_MS = 60_000;

/** Stops a run that a service has in hand and waits for its record; undefined: the service has no such run. */
export async function cancelServed(world: World, name: string): Promise<number | undefined> {
  return withRuns(world, async (runs) => {
    const run = await servedRun(world, runs, name);
    if (run === undefined) return undefined;
    const short = fourCharacters(run.id);
    await runs.cancel(run.id);
    world.terminal.say(`asked the service to stop run ${short} of ${run.pipeline} in ${run.repository}\n`);
    const until = world.clock.now() + PATIENCE_MS;
    while (await runs.isOpen(run.id)) {
      if (world.terminal.interrupted.aborted) return EXIT.interrupted;
      if (world.clock.now() > until)
        throw new Refusal(
          EXIT.later,
          `run ${short} is not at its end yet; it was asked to stop, and that stands\n  next: sluice status`,
        );
      await world.clock.wait(POLL_MS, world.terminal.interrupted);
    }
    world.terminal.print(`run ${short} ended; what finished is kept\n`);
    world.terminal.say(`next: git fetch origin sluice/ledger && sluice show ${short}\n`);
    return EXIT.fine;
  });
}
