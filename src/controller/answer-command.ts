import type { Clock } from "../clock/clock.ts";
import type { Desired } from "../forge/desired.ts";
import type { Answer, Comment, Forge } from "../forge/forge.ts";
import { runIdOf } from "../identity/identity.ts";
import type { Narrowed } from "../pipeline/narrow.ts";
import { mayDo, requirementOf, type Deed } from "../policy/permission.ts";
import type { RunOrder } from "../run/request.ts";
import type { ParsedCommand } from "../trigger/command.ts";
import type { Trigger } from "../trigger/trigger.ts";
import type { PullRequestPlan } from "./project.ts";

export interface CommandPorts {
  readonly forge: Forge;
  readonly clock: Clock;
  /** What the pull request would run at this moment; undefined when it is over. */
  readonly plan: () => Promise<PullRequestPlan | undefined>;
  /** Of the default branch as it is now; undefined while the forge cannot be asked. */
  readonly rules: () => Promise<Narrowed | undefined>;
  /** `known`: the ledger has this very run already. */
  readonly accept: (order: RunOrder) => Promise<"accepted" | "known" | "later">;
  readonly enqueue: (order: RunOrder) => Promise<void>;
  /** Asks every open run of the pull request to stop; answers how many there are. */
  readonly cancel: () => Promise<number>;
}

export interface Answered {
  readonly states: readonly Desired[];
  /** Plain sentences for the sticky comment; empty where a reaction says it all. */
  readonly words: readonly string[];
  readonly again: number | null;
}

/**
 * Does what a comment asks for, by the permission that its author has at this moment. A comment that was edited since
 * does not count: what was agreed to must be what stands there.
 */
export async function answerCommand(
  ports: CommandPorts,
  trigger: Extract<Trigger, { kind: "command" }>,
  parsed: ParsedCommand,
): Promise<Answered> {
  const seen = await ports.forge.comment(trigger.comment);
  if (seen.kind === "not-found") return NOTHING;
  if (seen.kind !== "ok") return { ...NOTHING, again: againAfter(seen, ports.clock.now()) };
  if (wasEdited(seen.value) || seen.value.author.bot) return NOTHING;
  if (parsed.kind === "refused") return refused(trigger, `${parsed.why}: ${parsed.next}`);
  switch (parsed.command.kind) {
    case "plan":
      return done(trigger);
    case "run":
      return (
        (await withheld(ports, trigger, { deed: "run", command: "/sluice run" })) ??
        runNow(ports, trigger, parsed.command)
      );
    case "help":
      return { ...done(trigger), words: [HELP] };
    case "cancel": {
      const no = await withheld(ports, trigger, { deed: "run", command: "/sluice cancel" });
      if (no !== undefined) return no;
      const stopped = await ports.cancel();
      return stopped === 0 ? refused(trigger, "no run of this pull request is under way") : done(trigger);
    }
    case "retry":
    case "diff":
    case "promote":
    case "approve":
    case "rollback":
    case "hold":
    case "unhold":
    case "freeze":
    case "unfreeze":
    case "explain":
    case "note":
      return refused(trigger, `/sluice ${parsed.command.kind} is not in this version`);
    default:
      return parsed.command satisfies never;
  }
}

/** The answer to somebody who may not do that, by what the forge says of them now; undefined where they may. */
async function withheld(
  { forge, rules, clock }: CommandPorts,
  trigger: Command,
  asking: { readonly deed: Deed; readonly command: string },
): Promise<Answered | undefined> {
  const ruling = await rules();
  if (ruling === undefined) return { ...NOTHING, again: 5_000 };
  const { permissions } = ruling.settings;
  const { login } = trigger.sender;
  const needed = requirementOf(permissions, asking.deed);
  const asked = needed.kind === "team" ? await forge.teamMember(needed.team, login) : await forge.permission(login);
  if (asked.kind === "wait" || asked.kind === "unreachable")
    return { ...NOTHING, again: againAfter(asked, clock.now()) };
  const value = asked.kind === "ok" ? asked.value : false;
  const standing =
    typeof value === "boolean" ? { role: "none" as const, member: value } : { role: value, member: false };
  const leave = mayDo(permissions, asking, standing);
  return leave.kind === "granted" ? undefined : refused(trigger, `${leave.why}: ${leave.next}`);
}

const NOTHING: Answered = { states: [], words: [], again: null };
const HELP = "Commands: /sluice plan, /sluice run [pipeline][@sha], /sluice cancel, /sluice help";

function wasEdited({ createdAt, updatedAt }: Comment): boolean {
  return createdAt !== updatedAt;
}

function againAfter(answer: Exclude<Answer<unknown>, { kind: "ok" | "not-found" }>, now: number): number {
  return answer.kind === "wait" ? Math.max(1_000, answer.until - now) : 5_000;
}

type Command = Extract<Trigger, { kind: "command" }>;

function done({ comment }: Command): Answered {
  return {
    states: [
      { kind: "reaction", comment, content: "eyes" },
      { kind: "reaction", comment, content: "rocket" },
    ],
    words: [],
    again: null,
  };
}

function refused({ comment }: Command, words: string): Answered {
  return { states: [{ kind: "reaction", comment, content: "confused" }], words: [words], again: null };
}

/** Accepts one run for each pipeline that the pull request affects, or for the one that is named. */
async function runNow(
  ports: CommandPorts,
  trigger: Command,
  command: { readonly pipeline: string | null; readonly commit: string | null },
): Promise<Answered> {
  const plan = await ports.plan();
  if (plan === undefined) return refused(trigger, "the pull request is closed: nothing runs for it any more");
  if (plan.domain !== "pr") return refused(trigger, "pull requests from forks are planned and not run here");
  if (command.commit !== null && !plan.head.startsWith(command.commit))
    return refused(trigger, `the head is ${plan.head.slice(0, 7)} by now, not ${command.commit}: ask again for it`);
  const wanted = (command.pipeline === null ? plan.affected : plan.planned.planned).filter(
    (one) => command.pipeline === null || one.file.pipeline.name === command.pipeline,
  );
  const [first] = wanted;
  if (first === undefined)
    return refused(
      trigger,
      command.pipeline === null ? "no pipeline is affected" : `there is no pipeline ${command.pipeline}`,
    );
  const broken = wanted.find((one) => one.order === null);
  if (broken !== undefined)
    return refused(trigger, `${broken.file.pipeline.name} has problems: mend them first, they are listed below`);
  for (const one of wanted) {
    if (one.order === null) continue;
    const repository = String(ports.forge.repository.id);
    const { id: pipeline } = one.file.pipeline;
    const request = `comment:${trigger.comment}`;
    const order: RunOrder = {
      order: 1,
      id: runIdOf(repository, pipeline, plan.head, request),
      repository,
      pipeline,
      source: plan.head,
      request,
      trigger: "command",
      plan: one.order.digest,
      domain: "pr",
      branch: plan.pullRequest.head.branch,
      pullRequest: plan.pullRequest.number,
      requestedBy: trigger.sender.login,
      acceptedAt: new Date(ports.forge.date() ?? ports.clock.now()).toISOString(),
    };
    const accepted = await ports.accept(order);
    if (accepted === "later") return { ...NOTHING, again: 5_000 };
    if (accepted === "accepted") await ports.enqueue(order);
  }
  return done(trigger);
}
