import type { Answer, Forge, PullRequest } from "../forge/forge.ts";
import type { Mirror } from "../git/mirror.ts";
import type { CommitSha } from "../identity/identity.ts";
import type { WorkStep } from "../plan/plan.ts";
import { namesDigest } from "../report/shared-check.ts";
import { PLAN_CHECK, type Merge, type MergePlan, type PlanAt, type PlannedGroup, type Review } from "./project.ts";

export interface ReviewPorts {
  readonly forge: Forge;
  readonly mirror: Mirror;
  readonly planAt: PlanAt;
  /** What a commit changes against another one. */
  readonly planMerge: (of: { readonly head: CommitSha; readonly base: CommitSha }) => Promise<PlannedGroup>;
}

/**
 * The pull request whose merge a commit is, and whether it runs what was reviewed there: the digest that the head's
 * check was last reported with. Null for a commit that was pushed.
 */
export async function reviewMerge(ports: ReviewPorts, commit: CommitSha): Promise<Answer<Merge | null>> {
  const asked = await ports.forge.pullRequestsOf(commit);
  if (asked.kind !== "ok") return asked.kind === "not-found" ? { kind: "ok", value: null } : asked;
  const merged = asked.value.find((one) => one.merged && one.mergeCommit === commit);
  if (merged === undefined) return { kind: "ok", value: null };
  const { number, labels } = merged;
  const reported = await ports.forge.findCheck(merged.head.sha, PLAN_CHECK);
  if (reported.kind !== "ok" && reported.kind !== "not-found") return reported;
  const digest = reported.kind === "ok" ? reported.value?.externalId : undefined;
  const review: Answer<Review> =
    digest === undefined
      ? { kind: "ok", value: { kind: "not-reviewed" } }
      : await compare(ports, { merged, commit, digest });
  return review.kind === "ok" ? { kind: "ok", value: { number, labels, review: review.value } } : review;
}

interface Comparing {
  readonly merged: PullRequest;
  readonly commit: CommitSha;
  /** As reported; of a head that several pull requests share, the digests of all. */
  readonly digest: string;
}

async function compare(ports: ReviewPorts, { merged, commit, digest }: Comparing): Promise<Answer<Review>> {
  const [, parent] = await ports.mirror.firstParents(commit, 2);
  // A rebase leaves several commits of one pull request in a row: then its base is farther away.
  const bases = [...new Set([parent ?? commit, merged.base.sha])];
  let plan: MergePlan | undefined;
  for (const base of bases) {
    if ((await ports.mirror.resolve(base)) === undefined) continue;
    const made = await ports.planMerge({ head: commit, base });
    // A comparison that could not be made says nothing of the merge.
    if (made.kind === "again") return { kind: "unreachable", why: made.why };
    if (made.kind === "over") continue;
    if (namesDigest(digest, made.plan.digest)) return { kind: "ok", value: { kind: "same" } };
    plan ??= made.plan;
  }
  const moved = plan === undefined ? [] : await movedSteps(ports, merged, plan);
  return { kind: "ok", value: { kind: "diverged", moved } };
}

/** Steps that differ from those of the reviewed head. */
async function movedSteps(
  { mirror, planAt }: ReviewPorts,
  merged: PullRequest,
  plan: MergePlan,
): Promise<Extract<Review, { kind: "diverged" }>["moved"]> {
  const { sha } = merged.head;
  const refreshed = await mirror.refresh([`refs/pull/${merged.number}/head`]);
  if (refreshed.kind !== "ok" || (await mirror.resolve(sha)) === undefined) return [];
  const reviewed = await planAt({ commit: sha, tree: null, domain: "pr", against: null, judged: () => false });
  const before = new Map(reviewed.planned.map((one) => [one.file.pipeline.id, one.order?.steps ?? []]));
  return plan.affected.flatMap(({ file, order }) => {
    const old = new Set((before.get(file.pipeline.id) ?? []).map(nameOf));
    const steps = (order?.steps ?? []).filter((step) => !old.has(nameOf(step))).map((step) => step.name);
    return steps.length === 0 ? [] : [{ pipeline: file.pipeline.name, steps }];
  });
}

function nameOf({ id, symbol }: WorkStep): string {
  return `${id} ${symbol}`;
}
