import { isOfFork, type CommitSha } from "../../identity/identity.ts";
import { orderOf, type RunOrder } from "../../run/request.ts";
import { CONFLICT, pinsOf, type PullRequestPlan } from "../project.ts";
import { done, movedTo, NOTHING, refused, type Answered, type Asking, type CommandPorts } from "./answering.ts";

/** Repeats what did not succeed, or lets go what waits at a merge. */
export async function retry(ports: CommandPorts, asking: Asking): Promise<Answered> {
  const orders = await ports.retries(asking.sender.login);
  // A check of a merge that waits is wanted again: there is nothing to repeat, and something to let go.
  if (orders.length === 0 && asking.comment === null) {
    const released = await ports.release(asking.sender.login);
    if (released === "later") return { ...NOTHING, again: 1_000 };
    if (released > 0) return done(asking);
  }
  if (orders.length === 0) return refused(asking, nothingToRetry(ports.head));
  return startAll(ports, asking, orders);
}

/** A run that was superseded, and one of an earlier head, is not repeated: what is there now is run instead. */
function nothingToRetry(head: CommitSha | null): string {
  const nothing = "nothing that ended here has to be run again";
  return head === null ? nothing : `${nothing}: \`/sluice run\` runs the head as it is by now, \`${head.slice(0, 7)}\``;
}

async function startAll(ports: CommandPorts, asking: Asking, orders: readonly RunOrder[]): Promise<Answered> {
  const not: string[] = [];
  for (const order of orders) {
    const accepted = await ports.accept(order);
    if (accepted.kind === "unreachable") return { ...NOTHING, again: 5_000 };
    // It stays so until somebody mends it, and whoever asked is the one to know.
    if (accepted.kind === "refused") not.push(`\`${order.pipeline}\` was not begun: ${accepted.why}`);
  }
  return not.length > 0 ? refused(asking, not.join("; ")) : done(asking);
}

/** Accepts one run for each pipeline that the pull request affects, or for the one that is named. */
export async function runNow(
  ports: CommandPorts,
  asking: Asking,
  command: { readonly pipeline: string | null; readonly commit: string | null },
): Promise<Answered> {
  const planned = await ports.plan();
  if (planned.kind === "again") return { ...NOTHING, again: planned.afterMs };
  if (planned.kind === "over") {
    const released = await ports.release(asking.sender.login);
    if (released === "later") return { ...NOTHING, again: 1_000 };
    return released === 0 ? refused(asking, "the pull request is closed, and nothing waits to be run") : done(asking);
  }
  const { plan } = planned;
  const stopped = whyNot(plan, asking, command);
  if (stopped !== undefined) return refused(asking, stopped);
  const wanted = wantedOf(plan, command.pipeline);
  if (wanted.length === 0)
    return refused(
      asking,
      command.pipeline === null ? "no pipeline is affected" : `there is no pipeline \`${command.pipeline}\``,
    );
  if (wanted.some(({ file }) => file.deploys.length > 0))
    return refused(asking, `\`${command.pipeline ?? ""}\` deploys releases, and a promotion runs it`);
  const orders = wanted.flatMap((one) => ordersFor(ports, asking, plan, one));
  const broken = wanted.find((one) => one.order === null);
  if (broken !== undefined)
    return refused(asking, `\`${broken.file.pipeline.name}\` has problems: mend them first, they are listed below`);
  return startAll(ports, asking, orders);
}

function whyNot(
  plan: PullRequestPlan,
  { head }: Asking,
  command: { readonly pipeline: string | null; readonly commit: string | null },
): string | undefined {
  const fork = isOfFork(plan.domain);
  const named = `\`/sluice run ${command.pipeline ?? ""}@${plan.head}\``;
  // Its owner may push while somebody types: what was looked at is what the comment names, to the letter.
  if (fork && head === null && (command.commit ?? "").length < plan.head.length)
    return `a fork's head may move while you write, so name the one that you have looked at: ${named}`;
  if (fork && command.commit !== null && command.commit !== plan.head)
    return `the head has moved, and was not run: look at it, and ask again with ${named}`;
  const now = plan.head.slice(0, 7);
  if (head !== null && head !== plan.head) return movedTo(plan.head);
  if (command.commit !== null && !plan.head.startsWith(command.commit))
    return `the head is \`${now}\` by now, not \`${command.commit}\`: ask again for it`;
  const conflict = plan.problems.find(({ code }) => code === CONFLICT);
  if (conflict !== undefined) return `nothing is run of what does not merge: ${conflict.next}`;
  return undefined;
}

function wantedOf(plan: PullRequestPlan, name: string | null): PullRequestPlan["affected"] {
  // What deploys is run by releases alone.
  if (name === null) return plan.affected.filter(({ file }) => file.deploys.length === 0);
  return plan.planned.planned.filter((one) => one.file.pipeline.name === name);
}

function ordersFor(
  { forge, clock }: CommandPorts,
  { request, sender }: Asking,
  plan: PullRequestPlan,
  one: PullRequestPlan["affected"][number],
): readonly RunOrder[] {
  if (one.order === null) return [];
  const order = orderOf(one.file.pipeline, {
    repository: String(forge.repository.id),
    source: plan.head,
    request,
    plan: one.order.digest,
    domain: plan.domain,
    // A fork's branches are none of ours.
    branch: isOfFork(plan.domain) ? null : plan.pullRequest.head.branch,
    pullRequest: plan.pullRequest.number,
    requestedBy: sender.login,
    acceptedAt: new Date(forge.date() ?? clock.now()).toISOString(),
    pins: pinsOf(one.datasets),
  });
  return [order];
}
