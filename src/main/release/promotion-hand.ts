import { findApprovals } from "../../controller/find-approvals.ts";
import { againAfter, isNotNow, type Looked } from "../../forge/looked.ts";
import { openPromotion } from "../../controller/open-promotion.ts";
import { promote } from "../../controller/promote/promote.ts";
import { NOTHING, type PromoteOrder, type Promoted } from "../../controller/promote/promotion.ts";
import type { Newest } from "../../controller/request-promotions.ts";
import { withdraw } from "../../controller/withdraw.ts";
import type { Answer, PullRequest } from "../../forge/forge.ts";
import type { CommitSha, Digest } from "../../identity/identity.ts";
import { planDeployment } from "./deployments.ts";
import { deployGate, evidenceFiles } from "./evidence.ts";
import { promotionAuthors } from "./promotion-authors.ts";
import type { Place } from "./promotion-place.ts";
import { record } from "./record-releases.ts";
import { isGone, stillFree } from "./still-free.ts";
import { leaveOf, type Leave } from "./promotion-leave.ts";
import type { EnvironmentSettings } from "../../pipeline/settings.ts";
import { judgeGates, liveGate, readReproducible } from "../../policy/gate.ts";
import { gaveWayTo, refusalOfCandidate, type NotPromotable } from "../../release/candidate.ts";
import { standingOf, type EnvironmentState, type Request } from "../../release/environment-state.ts";
import { evidenceDigest } from "../../release/evidence.ts";
import type { RunRecord } from "../../run/run-record.ts";

/** Runs of a pipeline among which a candidate is looked for. */
const REACH = 50;

/**
 * Takes the next requested promotion, of those that were not taken yet, as far as it goes, and notes it; undefined: all
 * were taken. It is computed anew from the ledger, the default branch and the forge, whatever woke us (laws 1 and 2).
 */
export async function takeNext(place: Place, taken: Set<string>): Promise<Promoted | undefined> {
  // In order of promotion, so that one look takes a run through all environments that wait for nobody.
  for (const environment of place.project.settings.environments) {
    const folded = await place.repository.releases.states();
    for (const [pipeline, { request }] of folded.get(environment.name)?.pipelines ?? []) {
      const key = `${environment.name}/${pipeline}`;
      if (request === null || taken.has(key)) continue;
      taken.add(key);
      return (await promoteOne(place, { environment, pipeline, request, folded })) ?? NOTHING;
    }
  }
  return undefined;
}

export async function newestRuns(place: Place): Promise<readonly Newest[]> {
  const found: Newest[] = [];
  // Many pipelines run at one commit.
  const pulls = new Map<CommitSha, Promise<readonly PullRequest[]>>();
  const pullsOf = async (commit: CommitSha): Promise<readonly PullRequest[]> => {
    const asked = await place.repository.forge.pullRequestsOf(commit);
    return asked.kind === "ok" ? asked.value : [];
  };
  for (const { pipeline, deploys } of place.project.pipelines) {
    if (deploys.length > 0) continue;
    for (const { id } of place.repository.history.runs({
      pipeline: pipeline.id,
      status: "succeeded",
      limit: REACH,
    })) {
      const run = await place.runs.run(id);
      if (run === undefined || (await refusalOf(place, run)) !== null) continue;
      const all = place.repository.history.runs({ pipeline: pipeline.id, limit: REACH });
      const pullRequests: PullRequest[] = [];
      for (const { source } of [run, ...gaveWayTo(all, id)]) {
        const asked = pulls.get(source) ?? pullsOf(source);
        pulls.set(source, asked);
        pullRequests.push(...(await asked));
      }
      found.push({ pipeline: pipeline.id, run: id, pullRequests });
      break;
    }
  }
  return found;
}

export async function refusalOf(place: Place, run: RunRecord): Promise<NotPromotable | null> {
  const { repository } = place;
  const own = String(repository.forge.repository.id);
  const refusal = refusalOfCandidate(run, own, run.pullRequest === null ? "main" : "pr");
  if (refusal !== null) return refusal;
  if (!(await place.runs.isSigned(run.id)))
    return { why: "its record is not signed by a key of ours", next: "run it again: /sluice retry" };
  if ((await place.line()).has(run.source)) return null;
  return { why: "its commit is not on the default branch", next: "promote a run of one that is" };
}

const GONE: NotPromotable = {
  why: "its pipeline is not on the default branch any more",
  next: "promote another",
};

async function withdrawRefused(
  place: Place,
  { environment: { name: environment }, pipeline, request }: Parameters<typeof orderOf>[1],
): Promise<Looked | undefined> {
  const run = await place.runs.run(request.run);
  if (run === undefined) return undefined;
  const gone = isGone(place.project, pipeline, run);
  // What was merged while it was there is a release, and only its record is missing.
  const merged = gone ? await isMerged(place, request) : false;
  if (merged === "later") return { states: [], again: LATER_MS };
  if (merged) return undefined;
  const refusal = gone ? GONE : await refusalOf(place, run);
  if (refusal === null) return undefined;
  const cause = `refused:${request.run}/${request.cause}`;
  return withdraw(
    { forge: place.repository.forge, record: (events) => record(place, events) },
    { environment, pipeline, request, ...refusal, cause, now: place.now },
  );
}

/** The forge could not say what has become of a pull request. */
const LATER_MS = 10_000;

async function isMerged(place: Place, { pullRequest }: Request): Promise<boolean | "later"> {
  if (pullRequest === null) return false;
  const asked = await place.repository.forge.pullRequest(pullRequest);
  if (isNotNow(asked)) return "later";
  return asked.kind === "ok" && asked.value.merged;
}

/** Whether a pipeline may stand in a file that cannot be read: then what it was called before, and so what is live, is unknown. */
function isUnreadable({ pipelines, broken }: Place["project"], pipeline: string): boolean {
  return broken.length > 0 && !pipelines.some((file) => file.pipeline.id === pipeline);
}

async function promoteOne(
  place: Place,
  asked: {
    readonly environment: EnvironmentSettings;
    readonly pipeline: string;
    readonly request: Request;
    readonly folded: ReadonlyMap<string, EnvironmentState>;
  },
): Promise<Promoted | undefined> {
  // Mended by a push, which wakes us.
  if (isUnreadable(place.project, asked.pipeline)) return NOTHING;
  const given = await withdrawRefused(place, asked);
  if (given !== undefined) return { ...given, released: false };
  const ordered = await orderOf(place, asked);
  if (ordered.kind === "not-found") return undefined;
  if (ordered.kind !== "ok") return { states: [], again: againAfter(ordered, place.now), released: false };
  const { value: order } = ordered;
  const { environment, pipeline, candidate, evidence } = order;
  const { forge, mirror } = place.repository;
  const pin = { ...candidate, environment: environment.name, pipeline };
  return promote(
    {
      forge,
      open: (shown) => openPromotion({ forge, mirror }, { ...shown, ...place, pin, evidence }),
      voters: (pullRequest, shownAt) =>
        findApprovals(
          {
            forge,
            mayApprove: (login) => leave(place, "approve", asked.environment.approvals).asks(login),
          },
          { environment: environment.name, pullRequest, evidence, shownAt, said: asked.request.approvals },
        ),
      evidenceBefore: (merge) => evidenceBefore(place, { ...order, environment: asked.environment }, merge),
      authors: () => promotionAuthors(place, { ...asked, candidate, live: order.live }, true),
      stillFree: () => stillFree(place, asked),
      record: (events) => record(place, events),
      now: () => place.now,
    },
    order,
  );
}

/** What was shown when a merge came: it has replaced the pin that is a part of that. */
async function evidenceBefore(
  place: Place,
  {
    environment,
    pipeline,
    candidate,
    live,
    gates,
  }: Pick<PromoteOrder, "pipeline" | "candidate" | "live" | "gates"> & { readonly environment: EnvironmentSettings },
  merge: CommitSha,
): Promise<Digest | undefined> {
  const { mirror } = place.repository;
  const [, tip] = (await mirror.resolve(merge)) === undefined ? [] : await mirror.firstParents(merge, 2);
  if (tip === undefined) return undefined;
  const deploy = environment.deploy === null ? null : await planDeployment(place, environment, candidate.run);
  const files = await evidenceFiles({ ...place, tip }, { environment, pipeline, deploy });
  return evidenceDigest({ environment: environment.name, candidate, live, gates, ...files });
}

/** What is asked for with all that it hangs on; not found: the ledger has no such run that can be read. */
export async function orderOf(
  place: Place,
  { environment, pipeline, request, folded }: Parameters<typeof promoteOne>[1],
): Promise<Answer<PromoteOrder>> {
  const state = folded.get(environment.name);
  const standing = standingOf(state, pipeline);
  const run = await place.runs.run(request.run);
  const candidate = await place.runs.release(request.run);
  if (run === undefined || candidate === undefined) return { kind: "not-found" };
  const live = standing.live === null ? null : ((await place.runs.release(standing.live.run)) ?? null);
  const gated = {
    environment: environment.name,
    record: run,
    release: candidate,
    live,
    reproducible:
      readReproducible(environment.gates) && (await place.runs.isReproduced(request.run)) ? (true as const) : null,
  };
  const deploy = environment.deploy === null ? null : await planDeployment(place, environment, request.run);
  const gates = [
    ...liveGate(standing.live?.run ?? null, live),
    ...judgeGates(environment.gates, gated),
    ...deployGate(environment, deploy),
  ];
  const files = await evidenceFiles(place, { environment, pipeline, deploy });
  const { after } = environment;
  const before = place.project.settings.environments.find(({ name }) => name === after);
  const authors = await promotionAuthors(place, { environment, request, candidate, live }, false);
  if (authors.kind !== "ok") return authors;
  const order = {
    environment,
    pipeline,
    branch: place.branch,
    request,
    candidate,
    live,
    state,
    standing,
    upstream:
      before === undefined
        ? undefined
        : {
            standing: standingOf(folded.get(before.name), pipeline),
            deploys: before.deploy !== null,
          },
    gates,
    evidence: evidenceDigest({
      environment: environment.name,
      candidate,
      live,
      gates,
      ...files,
    }),
    authors: authors.value,
    now: place.now,
    unattended: environment.auto && environment.approvals === null,
  };
  return { kind: "ok", value: order };
}

export function leave(place: Place, deed: "promote" | "approve", from: EnvironmentSettings["approvals"] = null): Leave {
  return leaveOf(place.repository.forge, {
    deed,
    permissions: place.project.settings.permissions,
    from,
  });
}
