import { runIdOf, ulidOf, type RunId } from "../identity/identity.ts";
import { triggerOf } from "../pipeline/trigger-kind.ts";
import type { AcceptedRun } from "../queue/accepted-runs.ts";
import { fourCharacters } from "../report/words.ts";
import type { recordOf } from "../run/record-of.ts";
import type { One } from "./execution.ts";
import type { Session } from "./session.ts";
import { describeSources, dirtyFiles } from "./sources.ts";

/** The accepted run of the same work order that did not end. */
export function interrupted({ repository, project }: Session, { runnable: { order } }: One): AcceptedRun | undefined {
  return repository.accepted
    .list()
    .find(
      (run) => run.pipeline === order.pipeline.id && run.plan === order.digest && run.source === project.view.commit,
    );
}

/** Carries on an accepted run of the same work order, else accepts a new one; acceptance is durable before anything runs. */
export async function accept(session: Session, one: One): Promise<AcceptedRun> {
  const { repository, project, world } = session;
  const { runnable, execution } = one;
  const { order } = runnable;
  const same = interrupted(session, one);
  if (same !== undefined) {
    world.terminal.say(`carrying on run ${fourCharacters(same.id)}, which was interrupted\n`);
    return same;
  }
  const source = project.view.commit;
  if (source === null) throw new Error("accepting a run: there is no commit");
  const now = world.clock.now();
  const request = execution.request ?? `local:${ulidOf(now, world.clock.random(10))}`;
  const id: RunId = runIdOf(await repository.identity(), order.pipeline.id, source, request);
  const run: AcceptedRun = {
    id,
    pipeline: order.pipeline.id,
    request,
    source,
    plan: order.digest,
    startedAt: new Date(now).toISOString(),
  };
  repository.accepted.accept(run);
  return run;
}

/** What a record says of a run whatever its steps do, and the uncommitted files that it ran on. */
export async function identityOf(
  session: Session,
  { runnable, execution }: One,
  accepted: AcceptedRun,
): Promise<{
  readonly facts: Omit<Parameters<typeof recordOf>[0], "finishedAt">;
  readonly tree: ReadonlyMap<string, Uint8Array>;
}> {
  const { repository, project, world } = session;
  const { sources, datasets } = describeSources(runnable);
  const dirty = await dirtyFiles(session, runnable);
  const source = project.view.commit;
  if (source === null) throw new Error("describing a run: there is no commit");
  return {
    tree: dirty,
    facts: {
      id: accepted.id,
      repository: await repository.identity(),
      source,
      dirty: dirty.size === 0 ? null : { tree: "tree", paths: [...dirty.keys()].sort() },
      request: accepted.request,
      trigger: triggerOf(accepted.request),
      requestedBy: world.config.user,
      overrides: execution.overrides,
      environmentDrift: execution.flags.allowEnvironmentDrift === true,
      sources,
      datasets,
      startedAt: accepted.startedAt,
      host: {
        platform: world.config.platform,
        cpus: repository.machine.cpus,
        memoryBytes: repository.machine.memoryBytes,
        version: world.version,
      },
    },
  };
}
