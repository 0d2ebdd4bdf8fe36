import { recordRun } from "../controller/record-run.ts";
import { parseCommitSha, parseDigest } from "../identity/identity.ts";
import type { AcceptedRun } from "../queue/accepted-runs.ts";
import { fourCharacters } from "../report/words.ts";
import { endedAt } from "../run/ended-at.ts";
import { triggerOf } from "../pipeline/trigger-kind.ts";
import type { RunRecord } from "../run/run-record.ts";
import type { Store } from "../store/store.ts";
import type { Runnable } from "./runnable.ts";
import type { Session } from "./session.ts";

/** Interrupted runs that nobody will carry on end in a manifest of their own: *abandoned* (SEMANTICS §6). */
export async function abandonOthers(session: Session, store: Store, due: readonly Runnable[]): Promise<void> {
  const { repository, project } = session;
  for (const run of repository.accepted.list()) {
    const history = await repository.history();
    if ((await history.record(run.id)) !== undefined) {
      // Recorded, then stopped before the acceptance was taken away.
      repository.accepted.remove(run.id);
      continue;
    }
    const again = due.some(
      ({ order }) =>
        order.pipeline.id === run.pipeline && order.digest === run.plan && run.source === project.view.commit,
    );
    if (again) continue;
    await abandon(session, store, run);
  }
}

/** Ends one interrupted run in a manifest that says so. */
export async function abandon(session: Session, store: Store, run: AcceptedRun): Promise<void> {
  const { repository, world } = session;
  const record = await abandoned(session, run);
  if (record !== undefined)
    await recordRun(
      { git: repository.git, store, signer: await repository.signer() },
      { record, before: undefined, known: () => true, tree: new Map() },
    );
  repository.accepted.remove(run.id);
  if (record?.trigger === "deploy")
    world.terminal.say(
      `run ${fourCharacters(run.id)} was deploying when it was interrupted (${run.request}): some of it may have happened\n  next: look at what is there, then deploy it once more\n`,
    );
}

async function abandoned(session: Session, run: AcceptedRun): Promise<RunRecord | undefined> {
  const { repository, world, project } = session;
  const source = parseCommitSha(run.source);
  const plan = parseDigest(run.plan);
  if (source === undefined || plan === undefined) return undefined;
  const path = project.pipelines.find((file) => file.pipeline.id === run.pipeline)?.path ?? "";
  return {
    id: run.id,
    pipeline: { id: run.pipeline, name: run.pipeline, path },
    repository: await repository.identity(),
    source,
    dirty: null,
    request: run.request,
    trigger: triggerOf(run.request),
    requestedBy: world.config.user,
    approvedBy: [],
    pullRequest: null,
    status: "abandoned",
    plan,
    params: {},
    overrides: {},
    environmentDrift: false,
    sources: {},
    datasets: [],
    metricSpecs: [],
    steps: [],
    startedAt: run.startedAt,
    finishedAt: endedAt(run.startedAt, world.clock.now()),
    host: {
      platform: world.config.platform,
      cpus: repository.machine.cpus,
      memoryBytes: repository.machine.memoryBytes,
      version: world.version,
    },
  };
}
