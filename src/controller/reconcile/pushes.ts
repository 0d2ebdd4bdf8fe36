import { isNotNow } from "../../forge/looked.ts";
import { runIdOf, type CommitSha } from "../../identity/identity.ts";
import type { RunSummary } from "../../index/history.ts";
import { dueOnPush, listensTo, refsListenedTo } from "../../run/due.ts";
import { SKIP_LABEL, type PlannedCommit, type PlannedPipeline } from "../project.ts";
import { askedAt, start, type Later, type Looking, type ReconcilePorts, type Tip } from "./looking.ts";

/** Accepts what is due on push at one tip; answers when to look again where the forge could not say enough. */
export async function lookAtPushes(looking: Looking, at: Tip): Promise<Later | undefined> {
  const due: PlannedPipeline[] = [];
  for (const one of at.commit.planned) {
    const found = await pushState(looking, one, at);
    if (found.kind === "due") due.push(one);
    else if (found.kind === "unchanged")
      looking.standing.push({ pipeline: one.file.pipeline.name, commit: at.tip, run: found.run });
  }
  if (due.length === 0) return undefined;
  const { ports } = looking;
  const asked = await ports.mergeOf(at.tip);
  if (isNotNow(asked)) return { kind: "again", afterMs: 10_000, why: `whose merge ${at.tip} is: ${asked.why}` };
  const merge = asked.kind === "ok" ? asked.value : null;
  const released = ports.released?.commit === at.tip ? ports.released : null;
  const { divergence } = at.commit.project.settings;
  const waits = divergence === "stop" && merge !== null && merge.review.kind !== "same" && released === null;
  for (const one of due) {
    if (waits) looking.standing.push({ pipeline: one.file.pipeline.name, commit: at.tip, run: null });
    else
      await start(looking, one, {
        ...askedAt(looking, at),
        request: `push:${at.branch}`,
        requestedBy: released?.by ?? null,
        ends: merge?.labels.includes(SKIP_LABEL) === true ? "skipped" : null,
      });
  }
  return undefined;
}

async function pushState(
  { ports, open, defaultBranch }: Looking,
  one: PlannedPipeline,
  { branch, tip }: Tip,
): Promise<ReturnType<typeof dueOnPush>> {
  const { id: pipeline, triggers } = one.file.pipeline;
  const { push } = triggers;
  if (one.order === null || !listensTo(push, { branch, defaultBranch })) return { kind: "unconcerned" };
  const request = `push:${branch}`;
  const id = runIdOf(String(ports.forge.repository.id), pipeline, tip, request);
  const newest = newestOf({ ports, open }, { pipeline, request });
  const paths = push === false ? null : push.paths;
  return dueOnPush({
    push,
    branch,
    defaultBranch,
    plan: one.order.digest,
    id,
    known: open.some((order) => order.id === id) || ports.history.byPrefix(id).length > 0,
    newest,
    changed: paths === null || newest === undefined ? undefined : await changedSince(ports, newest.source, tip),
  });
}

/** The newest push run of a pipeline on a branch, accepted ones before recorded ones. */
function newestOf(
  { ports, open }: Pick<Looking, "ports" | "open">,
  { pipeline, request }: { readonly pipeline: string; readonly request: string },
): Pick<RunSummary, "id" | "plan" | "source"> | undefined {
  const mine = open.filter((order) => order.pipeline === pipeline && order.request === request);
  const [accepted] = mine.toSorted((a, b) => (a.acceptedAt < b.acceptedAt ? 1 : -1));
  return accepted ?? ports.history.runs({ pipeline, request, limit: 1 }).at(0);
}

/** Undefined where a commit is not here any more: its branch was moved by force. */
async function changedSince(
  { mirror }: ReconcilePorts,
  from: CommitSha,
  tip: CommitSha,
): Promise<readonly string[] | undefined> {
  return (await mirror.resolve(from)) === undefined ? undefined : mirror.changed(from, tip);
}

/** Branches that pipelines of the default branch name: a branch cannot make itself heard (law 8). */
export async function lookAtOtherBranches(looking: Looking, { planned }: PlannedCommit): Promise<void> {
  const { ports, defaultBranch } = looking;
  const pushes = planned.map(({ file }) => file.pipeline.triggers.push);
  const patterns = new Set(pushes.flatMap((push) => refsListenedTo(push, defaultBranch)));
  if (patterns.size === 0) return;
  const refreshed = await ports.mirror.refresh([...patterns]);
  if (refreshed.kind !== "ok") return;
  for (const [ref, tip] of refreshed.refs) {
    const branch = ref.slice("refs/heads/".length);
    if (branch === defaultBranch || ref === ports.ledger) continue;
    if (!pushes.some((push) => listensTo(push, { branch, defaultBranch }))) continue;
    const commit = await ports.planAt({ commit: tip, tree: null, domain: "pr", against: null, judged: () => false });
    await lookAtPushes(looking, { branch, tip, commit });
  }
}
