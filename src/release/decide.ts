import { isWithin, parseWindow } from "../expression/window.ts";
import type { Digest } from "../identity/identity.ts";
import type { EnvironmentSettings } from "../pipeline/settings.ts";
import {
  isSame,
  isSpent,
  type Approval,
  type EnvironmentState,
  type Hold,
  type Live,
  type Standing,
} from "./environment-state.ts";
import type { GateOutcome } from "./evidence.ts";
import type { Actor } from "./release-event.ts";

/** What the forge says of an approver at this moment. */
export interface Voter {
  readonly approval: Approval;
  /** May this account approve here now: its team, its login, its permission. */
  readonly allowed: boolean;
  readonly bot: boolean;
}

/** Everything that a promotion hangs on, read at one moment. */
export interface Question {
  readonly environment: Pick<
    EnvironmentSettings,
    "name" | "after" | "soakMs" | "approvals" | "windows" | "freezes" | "deploy"
  >;
  readonly state: EnvironmentState | undefined;
  readonly standing: Standing;
  /** Where the pipeline stands in the environment before, and whether that deploys; undefined: there is none before. */
  readonly upstream: { readonly standing: Standing; readonly deploys: boolean } | undefined;
  /** The candidate. */
  readonly run: Live["run"];
  /** What is shown; null where approvals are taken as they stand. */
  readonly evidence: Digest | null;
  readonly gates: readonly GateOutcome[];
  readonly voters: readonly Voter[];
  /** Requester, authors of the source pull requests since the live release, and pushers. */
  readonly authors: readonly Actor[];
  /** Ms since 1970, from the forge's clock. */
  readonly now: number;
}

/** Why a promotion does not go on yet, and how it would. */
export interface Wait {
  readonly kind:
    | "hold"
    | "freeze"
    | "frozen"
    | "window"
    | "upstream"
    | "soak"
    | "gate"
    | "approvals"
    | "deploying"
    | "unknown"
    | "queue";
  readonly why: string;
  /** What ends it; there is always something. */
  readonly out: string;
  /** Ms since 1970 when time alone ends it, else null. */
  readonly until: number | null;
}

/** An approval that does not count any more. */
export interface Void {
  readonly approval: Approval;
  readonly why: string;
}

export interface Decision {
  readonly kind: "release" | "wait";
  readonly waits: readonly Wait[];
  readonly voids: readonly Void[];
  /** Who counts. */
  readonly approvedBy: readonly Actor[];
  /** How many more are needed. */
  readonly missing: number;
}

/**
 * Whether a promotion may happen now. It releases only when nothing at all stands against it; whatever does stand
 * against it is told with its way out, and approvals that do not count are named with the reason.
 */
export function decidePromotion(question: Question): Decision {
  const { voids, counted } = count(question);
  const needed = question.environment.approvals?.count ?? 0;
  const missing = Math.max(0, needed - counted.length);
  const waits = [...halts(question), ...timing(question), ...before(question), ...gateWaits(question)];
  if (missing > 0) waits.push(approvalWait(question.environment, missing));
  return {
    kind: waits.length === 0 ? "release" : "wait",
    waits,
    voids,
    approvedBy: counted.map(({ approval }) => approval.by),
    missing,
  };
}

function halts({ environment, state, standing, run }: Question): Wait[] {
  const waits: Wait[] = [];
  const { name } = environment;
  const halt = (kind: "hold" | "freeze", { by, reason }: Hold, out: string): void =>
    void waits.push({ kind, why: `held by ${by.login}: ${reason}`, out, until: null });
  if (standing.hold !== null) halt("hold", standing.hold, `/sluice unhold ${name}`);
  if (state !== undefined && state.freeze !== null) halt("freeze", state.freeze, `/sluice unfreeze ${name} <reason>`);
  // A deployment under way belongs to the live release; what comes next waits for its end.
  if (environment.deploy === null || standing.live === null || standing.live.run === run) return waits;
  if (standing.deployed === null)
    waits.push({
      kind: "deploying",
      why: "what is live is still being deployed",
      out: "it goes on by itself after that",
      until: null,
    });
  if (standing.deployed === "lost")
    waits.push({
      kind: "unknown",
      why: "nobody knows how the last deployment ended",
      out: `look at ${name} and say so: /sluice rollback ${name}, or /sluice promote ${name} to deploy again`,
      until: null,
    });
  return waits;
}

function timing({ environment, now }: Question): Wait[] {
  const waits: Wait[] = [];
  const windows = environment.windows.map((text) => ({ text, window: parseWindow(text) }));
  if (windows.length > 0 && !windows.some(({ window }) => window !== undefined && isWithin(window, now)))
    waits.push({
      kind: "window",
      why: `outside of ${environment.windows.join(", ")}`,
      out: "it goes on by itself when a window opens",
      until: null,
    });
  for (const text of environment.freezes) {
    const window = parseWindow(text);
    if (window === undefined || isWithin(window, now))
      waits.push({ kind: "frozen", why: `frozen during ${text}`, out: "it goes on by itself after it", until: null });
  }
  return waits;
}

function before({ environment, upstream, run, now }: Question): Wait[] {
  const { after, soakMs } = environment;
  if (after === null) return [];
  const live = upstream?.standing.live ?? null;
  const there = live?.run === run ? live : undefined;
  if (there === undefined)
    return [
      {
        kind: "upstream",
        why: `it is not live in ${after}`,
        out: `promote it there first: /sluice promote ${after}`,
        until: null,
      },
    ];
  const deploys = upstream?.deploys === true;
  const deployed = deploys ? (upstream?.standing.deployed ?? null) : "succeeded";
  if (deployed === "failed" || deployed === "lost")
    return [
      {
        kind: "upstream",
        why: `its deployment in ${after} ${deployed === "failed" ? "failed" : "is unknown"}`,
        out: `mend it there: /sluice rollback ${after}, or deploy again by /sluice promote ${after}`,
        until: null,
      },
    ];
  if (deployed === null)
    return [
      {
        kind: "deploying",
        why: `it is being deployed in ${after}`,
        out: "it goes on by itself after that",
        until: null,
      },
    ];
  // It is live from when it got there.
  const since = (deploys ? upstream?.standing.deployedAt : null) ?? there.since;
  const until = Date.parse(since) + soakMs;
  if (now >= until) return [];
  return [
    {
      kind: "soak",
      why: `it has to be live in ${after} until ${new Date(until).toISOString()}`,
      out: "it goes on by itself then",
      until,
    },
  ];
}

function gateWaits({ gates }: Question): Wait[] {
  return gates
    .filter(({ outcome }) => outcome === "failed" || outcome === "unknown")
    .map(({ source, outcome, why, next }) => ({
      kind: "gate" as const,
      why: outcome === "failed" ? `gate ${source} does not hold` : `gate ${source} cannot be told: ${why}`,
      out: next ?? "promote another run, or change the gate by a pull request",
      until: null,
    }));
}

function approvalWait({ name, approvals }: Question["environment"], missing: number): Wait {
  const from = [
    ...(approvals?.teams ?? []).map((team) => `@${team}`),
    ...(approvals?.users ?? []).map((user) => `@${user}`),
  ];
  const whom = from.length === 0 ? "people who may write" : from.join(", ");
  return {
    kind: "approvals",
    why: `waiting for ${missing} approval${missing === 1 ? "" : "s"} from ${whom}`,
    out: `the label approve:${name}, a review, or /sluice approve ${name}`,
    until: null,
  };
}

/** Counts each account once, and says of every other approval why it does not count (law 10). */
function count(question: Question): { readonly voids: readonly Void[]; readonly counted: readonly Voter[] } {
  const voids: Void[] = [];
  const counted: Voter[] = [];
  for (const voter of question.voters) {
    const why = objection(question, voter);
    if (why !== undefined) voids.push({ approval: voter.approval, why });
    else if (!counted.some(({ approval }) => isSame(approval.by, voter.approval.by))) counted.push(voter);
  }
  return { voids, counted };
}

function objection({ environment, standing, evidence, authors, now }: Question, voter: Voter): string | undefined {
  const { approval, allowed, bot } = voter;
  const { approvals } = environment;
  if (bot) return "a bot does not approve";
  if (isSpent(standing, approval)) return "it was taken back, or given for another request";
  if (approval.evidence !== evidence) return "what it was given for has changed";
  if (!allowed) return "this account may not approve here";
  if (approvals?.author !== true && authors.some((author) => isSame(author, approval.by)))
    return "an author does not approve their own change";
  const expires = approvals?.expiresMs ?? null;
  if (expires !== null && now >= Date.parse(approval.at) + expires) return "it has expired";
  return undefined;
}

/** The release that a rollback leads to: one that was live here before, the newest that got there unless one is named. */
export function rollbackTarget({ earlier }: Pick<Standing, "earlier">, run: Live["run"] | null): Live | undefined {
  if (run !== null) return earlier.find((one) => one.run === run);
  return earlier.find(({ deployed }) => deployed === undefined || deployed === "succeeded") ?? earlier[0];
}
