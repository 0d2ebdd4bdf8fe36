import { pinnedOutput } from "../controller/dataset-at-commit.ts";
import { missingArtifacts } from "../controller/missing-artifacts.ts";
import { artifactOf, outputsOf } from "../release/artifact.ts";
import { deployEnd } from "../release/deployment.ts";
import type { DeployEnd } from "../release/release-event.ts";
import { failureSentence } from "../report/failure-sentence.ts";
import { terminalVoice } from "../report/voice.ts";
import { deployRequest } from "../run/request.ts";
import type { Deploys, RunRecord } from "../run/run-record.ts";
import type { Store } from "../store/store.ts";
import { disposing } from "./disposing.ts";
import { execute } from "./execute.ts";
import type { Runnable } from "./runnable.ts";
import { planSession, PLAIN_REQUEST, tellProblems, type Session } from "./session.ts";
import { startExecutor } from "./started-executor.ts";

export type DeployedOffline =
  | Ended
  /** Nothing was begun. */
  | { readonly kind: "not-begun"; readonly why: string; readonly next: string };

interface Ended {
  readonly kind: "ended";
  readonly end: DeployEnd;
  readonly run: RunRecord["id"];
  readonly why: string | null;
  /** What was deployed: another release where an earlier command had this number and was killed. */
  readonly deploys: Deploys;
}

export interface OfflineDeployment {
  readonly store: Store;
  /** Path of the deploy pipeline. */
  readonly path: string;
  readonly deploys: Deploys;
  /** The run that is released. */
  readonly released: RunRecord;
}

/** Runs an environment's deploy pipeline on this machine, with the released bytes out of the store. */
export async function deployOffline(session: Session, of: OfflineDeployment): Promise<DeployedOffline> {
  const { store, deploys } = of;
  const before = await endedBefore(session, deploys);
  if (before !== undefined) return before;
  const runnable = await plan(session, of);
  if ("kind" in runnable) return runnable;
  // What is not carried on was another release's, under the same number: nobody knows how far it came.
  const { accepted } = session.repository;
  const begun = accepted.list().find(({ request }) => request === deployRequest(deploys));
  const goesOn = begun?.plan === runnable.order.digest && begun.source === session.project.view.commit;
  if (begun !== undefined && !goesOn && accepted.holder() === undefined) return lost(begun.id, deploys);
  const artifacts = [...runnable.datasets.values()].flatMap((state) =>
    state.kind === "ready" && state.from !== undefined ? [{ path: state.path, digest: state.digest }] : [],
  );
  const [missing] = await missingArtifacts(store, { artifacts });
  if (missing !== undefined)
    return notBegun(
      `the store of this machine has no bytes of ${missing.path}`,
      "SLUICE_DATA=<where the service keeps everything>, or SLUICE_STORE_URL=<its store>, and the same command again",
    );
  let made: RunRecord | undefined;
  await disposing(startExecutor(session, store, {}), (executor) =>
    execute(
      session,
      { store, executor },
      {
        due: [runnable],
        overrides: {},
        flags: { force: [], checkout: false },
        request: deployRequest(deploys),
        deploys,
        onRecorded: (record) => (made = record),
      },
    ),
  );
  if (made === undefined) return notBegun("it was stopped before it began", "the same command again");
  return endOf(made, deploys);
}

/** How it ended where a command was killed before it kept that: nothing is deployed twice under one number. */
async function endedBefore({ repository }: Session, deploys: Deploys): Promise<Ended | undefined> {
  const history = await repository.history();
  const [made] = history.runs({ request: deployRequest(deploys), limit: 1 });
  const record = made === undefined ? undefined : await history.record(made.id);
  const ended = record === undefined ? undefined : endOf(record, deploys);
  return ended?.kind === "ended" ? ended : undefined;
}

function endOf(made: RunRecord, deploys: Deploys): DeployedOffline {
  if (made.status === "abandoned") return lost(made.id, deploys);
  const failures = made.steps.flatMap(({ outcome }) => (outcome.kind === "failed" ? [outcome.failure] : []));
  const [first] = failures;
  const began = made.steps.some(({ outcome: { kind } }) => kind === "succeeded" || kind === "cancelled");
  if (!began && first?.kind === "refused" && failures.every(({ kind }) => kind === "refused"))
    return notBegun(first.why, `${first.next}; then the same command again`);
  const why = first === undefined ? null : failureSentence(first, terminalVoice());
  return { kind: "ended", end: deployEnd(made), run: made.id, why, deploys: made.deploys ?? deploys };
}

async function plan(
  session: Session,
  { store, path, released }: OfflineDeployment,
): Promise<Runnable | Extract<DeployedOffline, { kind: "not-begun" }>> {
  for (const { kind, digest } of outputsOf(released.steps)) if (kind === "directory") await store.listing(digest);
  const file = session.project.pipelines.find((one) => one.path === path);
  if (file === undefined) return notBegun(`${path} is not there or has problems`, "sluice validate");
  const [planned] = await planSession(session, store, {
    ...PLAIN_REQUEST,
    names: [path],
    withEffects: true,
    async release(artifact) {
      const found = artifactOf(released, artifact, (digest) => store.listingSync(digest));
      return found.kind === "found" ? pinnedOutput(artifact, found.pin) : found;
    },
  });
  if (planned === undefined || (await tellProblems(session, session.project.view, planned.problems)))
    return notBegun(`${path} has problems`, "mend them on the default branch, and fetch it");
  const { order, forecast } = planned;
  if (order === null || forecast === null) return notBegun(`${path} has no plan`, "sluice validate");
  return { ...planned, order, forecast };
}

function lost(run: RunRecord["id"], deploys: Deploys): Ended {
  return { kind: "ended", end: "lost", run, why: "it was interrupted", deploys };
}

function notBegun(why: string, next: string): Extract<DeployedOffline, { kind: "not-begun" }> {
  return { kind: "not-begun", why, next };
}
