import { readOffline, type OfflineEvent } from "../controller/read-offline.ts";
import { recordEvents } from "../controller/record-events.ts";
import { ulidOf, type RunId } from "../identity/identity.ts";
import { rollbackTarget } from "../release/decide.ts";
import { foldEvents, standingOf, type EnvironmentState, type Live } from "../release/environment-state.ts";
import { renamesOf } from "../release/renames.ts";
import { OFFLINE_HERE, offlineRef } from "../release/offline.ts";
import { eventPath, type ReleaseEvent } from "../release/release-event.ts";
import { safeLine } from "../report/safe-text.ts";
import { formatTime, fourCharacters } from "../report/words.ts";
import { deployOffline } from "./deploy-offline.ts";
import { EXIT, Refusal } from "./exit.ts";
import { offlinePlace, type OfflinePlace, type OfflineRollback } from "./offline-place.ts";
import { selectRun } from "./select-run.ts";
import type { World } from "./world.ts";

/**
 * `sluice rollback --offline`: the rollback of an operator while the forge is away. It is signed by their key and kept
 * in this clone, and deployed from here; the service takes it in as it is when the forge is back.
 */
export async function rollBackOffline(world: World, asked: OfflineRollback): Promise<number> {
  const place = await offlinePlace(world, asked);
  const back = await rollBack(place, asked);
  world.terminal.print(
    `rolled back: ${back.name} to run ${back.to.run}, held; signed by key ${place.signer.keyId.slice(0, 12)}\n`,
  );
  const code = place.environment.deploy === null ? EXIT.fine : await deploy(place, back.to.run);
  await handOver(place, asked.remote);
  return code;
}

/** What was done here before and the service may not have taken in yet. */
async function doneHere({ repository, checked, signer, ref }: OfflinePlace): Promise<readonly OfflineEvent[]> {
  const head = await repository.git.resolve(ref);
  if (head === undefined) return [];
  const { header } = checked;
  const keys = new Map([...header.keys, [signer.keyId, signer.publicKey]]);
  const read = await readOffline(repository.git, head, { keys, repository: header.repository });
  if (read.kind === "ok") return read.value;
  throw new Refusal(
    EXIT.bad,
    `${ref} cannot be read: ${safeLine(read.refusal)}\n  next: git update-ref -d ${ref}, and the same command again`,
  );
}

function stateNow(
  { checked, environment, project }: OfflinePlace,
  done: readonly OfflineEvent[],
): EnvironmentState | undefined {
  const recorded = checked.counted.map(({ event }) => event);
  const renames = renamesOf(project.pipelines.map(({ pipeline }) => pipeline));
  return foldEvents([...recorded, ...done.map(({ event }) => event)], renames).get(environment.name);
}

/** Goes back, or goes on with what was not deployed yet. */
async function rollBack(
  place: OfflinePlace,
  asked: OfflineRollback,
): Promise<{ readonly name: string; readonly to: Live }> {
  const { environment, pipeline, checked } = place;
  const name = `${environment.name}/${pipeline}`;
  const done = await doneHere(place);
  const standing = standingOf(stateNow(place, done), pipeline);
  const { live, deployed } = standing;
  const run = asked.run === undefined ? null : (await selectRun(place.repository, asked.run)).record.id;
  const recorded = new Set(checked.counted.map(({ event }) => eventPath(event)));
  const waits = done.some(({ event, path }) => event.kind === "rolled-back" && !recorded.has(path));
  const unfinished = waits && environment.deploy !== null && deployed !== "succeeded";
  if (live !== null && unfinished && (run === null || run === live.run)) return { name, to: live };
  if (live !== null && run === live.run) throw new Refusal(EXIT.usage, `run ${run} is live in ${name} already`);
  const to = rollbackTarget(standing, run);
  if (to === undefined)
    throw new Refusal(
      EXIT.usage,
      run === null
        ? `nothing was live in ${name} before\n  next: sluice log ${pipeline} --env ${environment.name}`
        : `run ${fourCharacters(run)} was never live in ${name}, and a rollback goes only to what was\n  next: sluice log ${pipeline} --env ${environment.name}`,
    );
  const { clock } = place.world;
  const cause = `offline:${ulidOf(clock.now(), clock.random(10))}`;
  await keep(place, { kind: "rolled-back", run: to.run, cause, reason: "rolled back offline", deployment: null });
  place.world.terminal.say(
    `run ${fourCharacters(live?.run ?? to.run)} was live since ${formatTime(live?.since ?? "")}\n`,
  );
  return { name, to };
}

/** Signs an event and keeps it in this clone, whatever happens next. */
async function keep(
  { repository, checked, signer, world, environment, pipeline, ref }: OfflinePlace,
  event: Pick<ReleaseEvent, "kind" | "run" | "cause" | "reason" | "deployment">,
): Promise<void> {
  const user = world.config.user ?? "";
  const ledger = { ref, refresh: async () => undefined, publish: async () => ({ kind: "published" as const }) };
  await recordEvents({ git: repository.git, signer, ledger, keys: checked.header.keys }, checked.header.repository, [
    {
      ...event,
      environment: environment.name,
      pipeline,
      evidence: null,
      by: { id: null, login: /^[\w.-]{1,39}$/.test(user) ? user : "operator" },
      at: new Date(world.clock.now()).toISOString(),
      pullRequest: null,
      revokes: null,
    },
  ]);
}

/** The number that a deployment gets, at least one above those that are taken elsewhere. */
async function numberAfter(place: OfflinePlace, taken: number): Promise<number> {
  const state = stateNow(place, await doneHere(place));
  return Math.max(taken, ...[...(state?.pipelines.values() ?? [])].map(({ deployments }) => deployments)) + 1;
}

async function deploy(place: OfflinePlace, run: RunId, taken = 0): Promise<number> {
  const { environment, pipeline, repository, served, world, project } = place;
  const released = await place.ledger.history.record(run);
  const number = await numberAfter(place, taken);
  const store =
    (world.config.storeUrl === undefined ? await served?.store() : undefined) ??
    (await repository.store(project.settings));
  const ended =
    released === undefined
      ? ({ kind: "not-begun", why: "this ledger does not have its record", next: "git fetch" } as const)
      : await deployOffline(place, {
          store,
          path: environment.deploy ?? "",
          deploys: { environment: environment.name, number, pipeline, run },
          released,
        });
  if (ended.kind === "not-begun") {
    world.terminal.say(
      `not deployed: ${ended.why}\n  next: ${ended.next}. Otherwise the service deploys it when the forge is back\n`,
    );
    return EXIT.bad;
  }
  const { end, why, deploys } = ended;
  if (deploys.pipeline === pipeline)
    await keep(place, {
      kind: "deployed",
      run: deploys.run,
      cause: `offline:${ended.run}`,
      reason: why === null ? null : `offline: ${safeLine(why)}`,
      deployment: { number, end },
    });
  world.terminal.print(`deployed: deployment ${number} of ${environment.name} ${end}\n`);
  // The number was of something else, which was deployed from here.
  if (deploys.pipeline !== pipeline || deploys.run !== run) return deploy(place, run, number);
  if (end === "succeeded") return EXIT.fine;
  world.terminal.say(
    "  next: the same command deploys it once more; with another run as the last word it goes back to that one\n",
  );
  return EXIT.bad;
}

/** On the service's machine it is laid where the service looks; from elsewhere a person brings it when the forge is back. */
async function handOver(
  { repository, checked, served, world, ref, ...place }: OfflinePlace,
  remote: string,
): Promise<void> {
  const mirror = served?.mirror(checked.header.repository);
  const there = offlineRef(OFFLINE_HERE, { environment: place.environment.name, pipeline: place.pipeline });
  const pushed = mirror === undefined ? undefined : await repository.git.push(mirror, [{ from: ref, to: there }]);
  world.terminal.say(
    pushed?.kind === "pushed"
      ? "the service of this machine records it when the forge is back, and brings the pin to it\n"
      : `next, when the forge is back: git push ${remote} ${ref}\nthe service then records it and brings the pin to it\n`,
  );
}
