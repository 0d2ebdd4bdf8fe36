import type { Clock } from "../clock/clock.ts";
import type { Desired } from "../forge/desired.ts";
import type { Comment, Forge } from "../forge/forge.ts";
import { isOfFork, type CommitSha } from "../identity/identity.ts";
import type { Person } from "../identity/repository.ts";
import type { Narrowed } from "../pipeline/narrow.ts";
import { mayRunForks } from "../policy/forks.ts";
import { mayDo, requirementOf, type Leave } from "../policy/permission.ts";
import { orderOf, type RunOrder } from "../run/request.ts";
import { USAGE, type Command, type ParsedCommand, type ReleaseCommand } from "../trigger/command.ts";
import { againAfter, isNotNow } from "../forge/looked.ts";
import { CONFLICT, pinsOf, type PlannedPullRequest, type PullRequestPlan } from "./project.ts";

/** What a question about runs was answered with. */
export type Told =
  | { readonly kind: "told"; readonly markdown: string }
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "again"; readonly afterMs: number };

export interface CommandPorts {
  readonly forge: Forge;
  readonly clock: Clock;
  /** What runs before a merge would be strangers' work. */
  readonly fork: boolean;
  /** Head of the pull request as it is now; null once it is closed. */
  readonly head: CommitSha | null;
  /** Says at once that the command was seen; nothing is done before. */
  readonly seen: () => Promise<void>;
  /** What the pull request would run at this moment. */
  readonly plan: () => Promise<PlannedPullRequest>;
  /** Of the default branch as it is now; undefined while the forge cannot be asked. */
  readonly rules: () => Promise<Narrowed | undefined>;
  /** Accepts and enqueues; `known`: the ledger has this very run already. */
  readonly accept: (order: RunOrder) => Promise<"accepted" | "known" | "later">;
  /** Asks every open run of the pull request to stop; answers how many there are, `later` where nobody could look now. */
  readonly cancel: () => Promise<number | "later">;
  /** Orders that repeat what did not succeed at the head, or at the merge where it is merged. */
  readonly retries: (by: string) => Promise<readonly RunOrder[]>;
  /** Lets what waits at the merge commit run; answers how many runs began, `later` where nobody could look now. */
  readonly release: (by: string) => Promise<number | "later">;
  readonly diff: (against: string) => Promise<Told>;
  readonly explain: (step: string | null) => Promise<Told>;
  /** Does what is asked of an environment, by the permission that the asker has at this moment. */
  readonly environments: (
    command: ReleaseCommand,
  ) => Promise<
    | { readonly kind: "done" }
    | { readonly kind: "refused"; readonly why: string }
    | { readonly kind: "again"; readonly afterMs: number }
  >;
}

/** Who asks, how, and where; a button and a check's re-request carry the head that they were shown for. */
export interface Asking {
  readonly sender: Person;
  /** `comment:<id>`, `button:<delivery>`: what runs that it starts are asked for by. */
  readonly request: string;
  readonly comment: { readonly id: number; readonly line: string } | null;
  readonly head: CommitSha | null;
}

export interface Answered {
  readonly states: readonly Desired[];
  /** Plain sentences for the sticky comment; empty where a reaction says it all. */
  readonly words: readonly string[];
  /** Longer answers, as Markdown of our own making. */
  readonly shown: readonly string[];
  /** Not before this many ms: the world was not there. */
  readonly again: number | null;
  /** False for what does not count: an edited comment, a bot, a comment that is gone. */
  readonly counts: boolean;
}

/** What only those may ask for who may run. */
const GUARDED: ReadonlySet<Command["kind"]> = new Set(["run", "cancel", "retry"]);

/**
 * Does what somebody asks for, by the permission that they have at this moment. A comment that was edited since does
 * not count: what was agreed to must be what stands there.
 */
export async function answerCommand(ports: CommandPorts, asking: Asking, parsed: ParsedCommand): Promise<Answered> {
  const comment = await mayCount(ports, asking);
  if (comment !== "counts") return comment;
  await ports.seen();
  if (parsed.kind === "refused") return refused(asking, `${parsed.why}: ${parsed.next}`);
  const { command } = parsed;
  // What somebody presses at an earlier head was not meant for what runs at this one.
  const moved = asking.head !== null && ports.head !== null && asking.head !== ports.head;
  if (moved && GUARDED.has(command.kind)) return refused(asking, movedTo(ports.head));
  if (GUARDED.has(command.kind)) {
    const { login } = asking.sender;
    const strangers = ports.fork && command.kind !== "cancel";
    const leave = await leaveToRun(ports, { login, command: `/sluice ${command.kind}`, strangers });
    if (leave.kind === "later") return { ...NOTHING, again: leave.afterMs };
    if (leave.kind === "refused") return refused(asking, `${leave.why}: ${leave.next}`);
  }
  return perform(ports, asking, command);
}

/** Whether somebody may run things, by what the settings of the default branch and the forge say at this moment. */
export async function leaveToRun(
  { forge, rules, clock }: Pick<CommandPorts, "forge" | "rules" | "clock">,
  { login, command, strangers }: { readonly login: string; readonly command: string; readonly strangers: boolean },
): Promise<Leave | { readonly kind: "later"; readonly afterMs: number }> {
  const ruling = await rules();
  if (ruling === undefined) return { kind: "later", afterMs: 5_000 };
  if (ruling.unreadable !== undefined && command !== "/sluice cancel")
    return {
      kind: "refused",
      why: "`sluice.yaml` on the default branch has problems, and nobody can say who may run what",
      next: "mend it there first",
    };
  const { permissions } = ruling.settings;
  const needed = requirementOf(permissions, "run");
  const member = needed.kind === "team" ? await forge.teamMember(needed.team, login) : undefined;
  // Asked for twice, a role could be answered in two ways.
  const role = member === undefined || strangers ? await forge.permission(login) : undefined;
  const later = [member, role].find(isNotNow);
  if (later !== undefined) return { kind: "later", afterMs: againAfter(later, clock.now()) };
  const standing = {
    role: role?.kind === "ok" ? role.value : ("none" as const),
    member: member?.kind === "ok" && member.value,
  };
  const leave = mayDo(permissions, { deed: "run", command }, standing);
  return leave.kind === "refused" || !strangers ? leave : mayRunForks(ruling, { role: standing.role, command });
}

async function perform(ports: CommandPorts, asking: Asking, command: Command): Promise<Answered> {
  switch (command.kind) {
    case "plan":
      return done(asking);
    case "help":
      return { ...done(asking), shown: [HELP] };
    case "run":
      return runNow(ports, asking, command);
    case "cancel": {
      const stopped = await ports.cancel();
      if (stopped === "later") return { ...NOTHING, again: 5_000 };
      return stopped === 0 ? refused(asking, "no run of this pull request is under way") : done(asking);
    }
    case "retry":
      return retry(ports, asking);
    case "diff":
      return told(asking, await ports.diff(command.against));
    case "explain":
      return told(asking, await ports.explain(command.step));
    case "promote":
    case "approve":
    case "rollback":
    case "hold":
    case "unhold":
    case "freeze":
    case "unfreeze":
    case "note": {
      const answer = await ports.environments(command);
      if (answer.kind === "again") return { ...NOTHING, again: answer.afterMs };
      return answer.kind === "done" ? done(asking) : refused(asking, answer.why);
    }
    default:
      return command satisfies never;
  }
}

const NOTHING: Answered = { states: [], words: [], shown: [], again: null, counts: false };
const HELP = [
  "Commands, at the start of a comment:",
  "",
  ...Object.values(USAGE).map((usage) => `- \`${usage}\``),
].join("\n");

async function mayCount(ports: CommandPorts, { comment }: Asking): Promise<Answered | "counts"> {
  if (comment === null) return "counts";
  const seen = await ports.forge.comment(comment.id);
  if (seen.kind === "not-found") return NOTHING;
  if (seen.kind !== "ok") return { ...NOTHING, again: againAfter(seen, ports.clock.now()) };
  const { body, author } = seen.value;
  return wasEdited(seen.value) || author.bot || !body.startsWith(comment.line.slice(0, 200)) ? NOTHING : "counts";
}

function wasEdited({ createdAt, updatedAt }: Comment): boolean {
  return createdAt !== updatedAt;
}

function done({ comment }: Asking): Answered {
  return { ...NOTHING, counts: true, states: reaction(comment, "rocket") };
}

function refused({ comment }: Asking, words: string): Answered {
  return { ...NOTHING, counts: true, states: reaction(comment, "confused"), words: [words] };
}

function reaction(comment: Asking["comment"], content: "rocket" | "confused"): readonly Desired[] {
  return comment === null ? [] : [{ kind: "reaction", comment: comment.id, content }];
}

function told(asking: Asking, answer: Told): Answered {
  if (answer.kind === "again") return { ...NOTHING, again: answer.afterMs };
  return answer.kind === "refused" ? refused(asking, answer.why) : { ...done(asking), shown: [answer.markdown] };
}

async function retry(ports: CommandPorts, asking: Asking): Promise<Answered> {
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
  for (const order of orders) if ((await ports.accept(order)) === "later") return { ...NOTHING, again: 5_000 };
  return done(asking);
}

/** Accepts one run for each pipeline that the pull request affects, or for the one that is named. */
async function runNow(
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

function movedTo(head: CommitSha): string {
  return `the head is \`${head.slice(0, 7)}\` by now: what was shown is no longer what is there`;
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
