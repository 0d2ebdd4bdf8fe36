import type { Answer, Forge, PullRequest } from "../forge/forge.ts";
import type { Mirror } from "../git/mirror.ts";
import type { CommitSha, Domain } from "../identity/identity.ts";
import { digestOfJson, isOfFork } from "../identity/identity.ts";
import { readsOf, touches } from "../pipeline/reads.ts";
import type { WorkOrder } from "../plan/plan.ts";
import { POINTER } from "../plan/pointer-warnings.ts";
import type { Problem } from "../problem/problem.ts";
import {
  CONFLICT,
  SETTINGS_PATH,
  UNREADABLE,
  type PlannedGroup,
  type PlannedPullRequest,
  type MergePlan,
  type PlanAt,
  type PlannedCommit,
  type PlannedPipeline,
  type RulesAt,
} from "./project.ts";

export interface PullRequestPorts {
  readonly forge: Forge;
  readonly mirror: Mirror;
  readonly planAt: PlanAt;
  readonly rulesAt: RulesAt;
  /** More refs to look at, because every look at the remote costs. */
  readonly also?: readonly string[];
}

/** Plans a pull request from git alone: no code of it runs, and nothing is checked out. */
export async function planPullRequest(ports: PullRequestPorts, number: number): Promise<PlannedPullRequest> {
  const asked = await ports.forge.pullRequest(number);
  if (asked.kind !== "ok") return notNow(asked);
  if (asked.value.state === "closed") return { kind: "over" };
  const planned = await planOpen(ports, asked.value);
  if (planned.kind !== "planned" || planned.plan.affected.length + planned.plan.removed.length > 0) return planned;
  // Where a merge came in between, its change is in the base already: nothing would stand where what was reviewed stands.
  const still = await ports.forge.pullRequest(number);
  if (still.kind !== "ok") return notNow(still);
  return still.value.state === "closed" ? { kind: "over" } : planned;
}

async function planOpen(ports: PullRequestPorts, pullRequest: PullRequest): Promise<PlannedPullRequest> {
  const seen = await lookAt(ports, pullRequest);
  if (seen.kind !== "ok") return seen;
  const { head, onto, base, ruling, refs, changesRules } = seen;
  const judged = await rulesOf(ports, { head, base, ruling });
  const domain = domainOf(pullRequest, ports.forge);
  const forkPool = isOfFork(domain) ? judged.rules.settings.forks.pool : null;
  const { before, planned } = await planBoth(ports, { base, head, tree: null, domain, forkPool });
  const at = { head, base, onto, domain, changesRules, ...judged };
  const asked = { pullRequest, refs, ruling };
  if (onto !== base && (await readsWhatMoved(ports, planned, { base, onto }))) {
    const merged = await ports.mirror.mergeTree(onto, head);
    if (merged.kind === "conflict") {
      const plan = { ...asked, ...compare({ ...at, testMerge: false }, before, planned) };
      const conflicts = conflictsOf(merged.paths, pullRequest.base.branch);
      return { kind: "planned", plan: { ...plan, problems: [...conflicts, ...plan.problems] } };
    }
    const now = await planBoth(ports, { base: onto, head, tree: merged.tree, domain, forkPool });
    const plan = { ...asked, ...compare({ ...at, testMerge: true }, now.before, now.planned) };
    return { kind: "planned", plan };
  }
  return { kind: "planned", plan: { ...asked, ...compare({ ...at, testMerge: false }, before, planned) } };
}

/** Conflicts that are named: the first say what to do, and git names them all. */
const MOST_CONFLICTS = 10;

function conflictsOf(paths: readonly string[], branch: string): readonly Problem[] {
  return paths.slice(0, MOST_CONFLICTS).map((path) => ({
    severity: "error",
    code: CONFLICT,
    at: { path, line: 1, column: 1 },
    message: `this does not merge: ${branch} changed the same file`,
    next: `merge ${branch} into the pull request's branch, or rebase it, and push`,
  }));
}

/** Whose work a pull request is; a head whose repository is gone was another's. */
export function domainOf({ number, head }: PullRequest, { repository }: Pick<Forge, "repository">): Domain {
  return head.repository === repository.id ? "pr" : `fork/${number}`;
}

/** Rules come from the default branch; what the change would make of them is told beside them, and decides nothing. */
async function rulesOf(
  { mirror, rulesAt }: Pick<PullRequestPorts, "mirror" | "rulesAt">,
  { head, base, ruling }: { readonly head: CommitSha; readonly base: CommitSha; readonly ruling: CommitSha },
): Promise<Pick<MergePlan, "rules" | "proposed">> {
  const rules = await rulesAt(ruling);
  const touched = (await mirror.changed(base, head)).includes(SETTINGS_PATH);
  return { rules, proposed: touched ? await rulesAt(head) : null };
}

/** Both sides of a change, with forecasts only of what differs: a thousand pipelines may stand beside it. */
async function planBoth(
  { planAt }: Pick<PullRequestPorts, "planAt">,
  {
    base,
    ...at
  }: { readonly base: CommitSha; readonly head: CommitSha } & Pick<
    Parameters<PlanAt>[0],
    "tree" | "domain" | "forkPool"
  >,
): Promise<{ readonly before: PlannedCommit; readonly planned: PlannedCommit }> {
  const { head: commit, ...of } = at;
  const orders = await planAt({ ...of, commit, against: null, judged: () => false });
  const before = await planAt({ ...of, commit: base, tree: null, against: null, judged: differsFrom(orders) });
  const differs = differsFrom(before);
  const faulty = pathsOf(newProblems(before, orders));
  const judged = (order: WorkOrder): boolean => differs(order) || faulty.has(order.pipeline.path);
  return { before, planned: await planAt({ ...of, commit, against: before, judged }) };
}

function differsFrom({ planned }: PlannedCommit): (order: WorkOrder) => boolean {
  const orders = new Map(planned.flatMap(({ order }) => (order === null ? [] : [[order.pipeline.id, order] as const])));
  return ({ pipeline, digest }) => {
    const other = orders.get(pipeline.id);
    return other?.digest !== digest || other.pipeline.name !== pipeline.name;
  };
}

/** Mistakes that the other side does not have; what keeps a run from beginning is told whoever brought it. */
function newProblems(before: PlannedCommit, planned: PlannedCommit): readonly Problem[] {
  const known = new Set(
    problemsOf(before)
      .filter(({ code }) => code !== POINTER)
      .map(nameOf),
  );
  return problemsOf(planned).filter((problem) => !known.has(nameOf(problem)));
}

function pathsOf(problems: readonly Problem[]): ReadonlySet<string> {
  return new Set(problems.map((problem) => problem.at.path));
}

/** Plans the commit that a merge queue has made of several pull requests; over once the queue dropped it. */
export async function planMergeGroup(
  { mirror, planAt, rulesAt }: Pick<PullRequestPorts, "mirror" | "planAt" | "rulesAt">,
  { head, base }: { readonly head: CommitSha; readonly base: CommitSha },
): Promise<PlannedGroup> {
  const refreshed = await mirror.refresh(["refs/heads/*"]);
  // Whoever waits in the queue is told by nothing else.
  if (refreshed.kind === "unreachable") return { kind: "again", afterMs: 5_000, why: refreshed.why };
  if (refreshed.kind === "refused" || (await mirror.resolve(head)) === undefined) return { kind: "over" };
  const domain: Domain = "pr";
  const { before, planned } = await planBoth({ planAt }, { base, head, tree: null, domain });
  // A queue merges into the branch that its base is the tip of.
  const judged = await rulesOf({ mirror, rulesAt }, { head, base, ruling: base });
  return {
    kind: "planned",
    plan: compare({ head, base, onto: base, domain, testMerge: false, changesRules: true, ...judged }, before, planned),
  };
}

function notNow(answer: Exclude<Answer<PullRequest>, { kind: "ok" }>): PlannedPullRequest {
  if (answer.kind === "not-found") return { kind: "over" };
  // Costs nothing while a limit is spent: the forge is not asked before it is over.
  return { kind: "again", afterMs: 5_000, why: answer.why };
}

type Seen =
  | {
      readonly kind: "ok";
      readonly head: CommitSha;
      readonly onto: CommitSha;
      readonly base: CommitSha;
      /** Tip of the default branch, whatever branch the pull request goes to. */
      readonly ruling: CommitSha;
      readonly changesRules: boolean;
      readonly refs: ReadonlyMap<string, CommitSha>;
    }
  | Extract<PlannedPullRequest, { kind: "over" | "again" }>;

/** One read of the remote; what it holds by now wins over what the forge said a moment ago. */
async function lookAt({ forge, mirror, also = [] }: PullRequestPorts, { number, base }: PullRequest): Promise<Seen> {
  const about = await forge.about();
  if (about.kind === "not-found") return { kind: "over" };
  if (about.kind !== "ok") return { kind: "again", afterMs: 5_000, why: about.why };
  const ruleRef = `refs/heads/${about.value.defaultBranch}`;
  const headRef = `refs/pull/${number}/head`;
  const baseRef = `refs/heads/${base.branch}`;
  const refreshed = await mirror.refresh([...new Set([headRef, baseRef, ruleRef, ...also])]);
  if (refreshed.kind !== "ok") return { kind: "again", afterMs: 5_000, why: refreshed.why };
  const head = refreshed.refs.get(headRef);
  const onto = refreshed.refs.get(baseRef);
  const ruling = refreshed.refs.get(ruleRef);
  if (head === undefined || onto === undefined || ruling === undefined) return { kind: "over" };
  // Histories without a common commit: everything is new.
  const common = await mirror.mergeBase(onto, head);
  return {
    kind: "ok",
    head,
    onto,
    base: common ?? onto,
    ruling,
    changesRules: baseRef === ruleRef,
    refs: refreshed.refs,
  };
}

async function readsWhatMoved(
  { mirror }: PullRequestPorts,
  planned: PlannedCommit,
  { base, onto }: { readonly base: CommitSha; readonly onto: CommitSha },
): Promise<boolean> {
  const moved = await mirror.changed(base, onto);
  return planned.planned.some((one) => touches(moved, readsOf(one)));
}

function compare(
  at: Pick<MergePlan, "head" | "base" | "onto" | "domain" | "testMerge" | "rules" | "proposed" | "changesRules">,
  before: PlannedCommit,
  planned: PlannedCommit,
): MergePlan {
  const old = new Map(before.planned.map((one) => [one.file.pipeline.id, one]));
  const widens = widening(at);
  const problems = [...unreadable(at), ...newProblems(before, planned), ...widens];
  const faulty = pathsOf(problems);
  const affected: PlannedPipeline[] = [];
  const unchanged: string[] = [];
  for (const one of planned.planned) {
    const { id, name } = one.file.pipeline;
    const was = old.get(id);
    const same = was !== undefined && was.order?.digest === one.order?.digest && was.file.pipeline.name === name;
    if (same && !faulty.has(one.file.path)) unchanged.push(name);
    else affected.push(one);
  }
  const kept = new Set(planned.planned.map((one) => one.file.pipeline.id));
  const broken = new Set(planned.project.broken);
  const removed = before.planned.flatMap(({ file }) =>
    kept.has(file.pipeline.id) || broken.has(file.path) ? [] : [file.pipeline.name],
  );
  const digest = digestOfJson(affected.map((one) => [one.file.pipeline.id, one.order?.digest ?? null]));
  return { ...at, planned, affected, unchanged, removed, problems, digest };
}

/** Policies that cannot be read forbid nothing, and are not met by that; a change that mends them may pass. */
function unreadable({ rules, proposed }: Pick<MergePlan, "rules" | "proposed">): readonly Problem[] {
  const [first] = rules.unreadable ?? [];
  if (first === undefined || (proposed !== null && proposed.unreadable === undefined)) return [];
  const message = `on the default branch this has problems, and its policies cannot be judged: ${first.message}`;
  return [{ ...first, code: UNREADABLE, message, next: "mend it on the default branch, or in this change" }];
}

/** Where the change asks for more than the operator allows and the default branch does not do so already. */
function widening({ rules, proposed }: Pick<MergePlan, "rules" | "proposed">): readonly Problem[] {
  const known = new Set(rules.problems.map(nameOf));
  return (proposed?.problems ?? []).filter((problem) => !known.has(nameOf(problem)));
}

function problemsOf({ project, planned }: PlannedCommit): readonly Problem[] {
  return [...project.problems, ...planned.flatMap((one) => one.problems)];
}

/** Problems move with the lines above them: the same mistake further down is not a new one. */
function nameOf({ code, at, message }: Problem): string {
  return `${code}\0${at.path}\0${message}`;
}
