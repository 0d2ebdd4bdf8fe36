import type { Answer } from "../forge/forge.ts";
import type { Digest, RunId } from "../identity/identity.ts";
import type { Person } from "../identity/repository.ts";
import type { EnvironmentSettings } from "../pipeline/settings.ts";
import { notYours, type Deed, type Leave } from "../policy/permission.ts";
import { rollbackTarget, type Wait } from "../release/decide.ts";
import { standingOf, type EnvironmentState, type Standing } from "../release/environment-state.ts";
import type { ReleaseEvent } from "../release/release-event.ts";
import { closest } from "../problem/suggest.ts";
import type { ReleaseCommand } from "../trigger/command.ts";

export interface ReleaseCommandPorts {
  readonly environments: readonly EnvironmentSettings[];
  readonly states: ReadonlyMap<string, EnvironmentState>;
  /** Whether somebody may do something at this moment. */
  readonly leave: (deed: Deed, command: string) => Promise<Answer<Leave>>;
  /** Whether somebody may approve in an environment at this moment. */
  readonly mayApprove: (environment: EnvironmentSettings) => Promise<Answer<boolean>>;
  /** The newest run of each pipeline that could be promoted. */
  readonly candidates: () => Promise<readonly Candidate[]>;
  /** What the open promotion of a pipeline shows now; undefined: it shows nothing that could be agreed to. */
  readonly shown: (environment: EnvironmentSettings, pipeline: string) => Promise<Digest | undefined>;
  /** A run that a person names, and the pipeline that it may be promoted for. */
  readonly candidate: (run: RunId) => Promise<NamedCandidate>;
  /** What stands against releasing a run at this moment, or why nobody could release it. */
  readonly judged: (environment: EnvironmentSettings, candidate: Candidate) => Promise<Judged>;
  /** The newest run of a pipeline, whatever became of it. */
  readonly newest: (pipeline: string) => RunId | undefined;
  /** Puts back what Sluice wrote, where people changed an open promotion by hand. */
  readonly restore: (environment: string, pipeline: string) => Promise<Answer<null>>;
  /** A run by what a person calls it. */
  readonly runOf: (text: string) => RunId | undefined;
  readonly record: (events: readonly ReleaseEvent[]) => Promise<void>;
}

export interface ReleaseAsking {
  readonly sender: Person;
  readonly comment: number;
  readonly pullRequest: number;
  /** RFC 3339 UTC. */
  readonly at: string;
}

export type Commanded =
  | { readonly kind: "done" }
  | { readonly kind: "refused"; readonly why: string }
  /** The forge cannot be asked now. */
  | { readonly kind: "again"; readonly afterMs: number };

/** Does what a comment asks of an environment, by the permission that its author has at this moment. */
export async function commandRelease(
  ports: ReleaseCommandPorts,
  asking: ReleaseAsking,
  command: ReleaseCommand,
): Promise<Commanded> {
  if (command.kind === "note") return note(ports, asking, command);
  const environment = ports.environments.find(({ name }) => name === command.environment);
  if (environment === undefined) return refused(unknownEnvironment(ports, command.environment));
  switch (command.kind) {
    case "promote":
      return command.breakGlass === null
        ? promote(ports, asking, { ...command, environment })
        : force(ports, asking, { ...command, environment, reason: command.breakGlass });
    case "approve":
      return approve(ports, asking, { environment, pipeline: command.pipeline });
    case "rollback":
      return rollBack(ports, asking, { environment, pipeline: command.pipeline, run: command.run });
    case "hold":
    case "freeze": {
      const pipeline = command.kind === "hold" ? command.pipeline : null;
      const fact = { kind: "held", environment: environment.name, pipeline, reason: command.reason } as const;
      return guarded(ports, { deed: "hold", command: `/sluice ${command.kind} ${environment.name}` }, async () =>
        record(ports, asking, [fact]),
      );
    }
    case "unhold":
    case "unfreeze": {
      const pipeline = command.kind === "unhold" ? command.pipeline : null;
      const all = command.kind === "unhold";
      return guarded(ports, { deed: "hold", command: `/sluice ${command.kind} ${environment.name}` }, async () =>
        lift(ports, asking, { environment, pipeline, all }),
      );
    }
    default:
      return command satisfies never;
  }
}

type Fact = Pick<ReleaseEvent, "kind" | "environment" | "pipeline"> & Partial<ReleaseEvent>;

async function record(ports: ReleaseCommandPorts, asking: ReleaseAsking, facts: readonly Fact[]): Promise<Commanded> {
  await ports.record(
    facts.map((fact): ReleaseEvent => ({
      run: null,
      evidence: null,
      by: { id: asking.sender.id, login: asking.sender.login },
      cause: `comment:${asking.comment}`,
      at: asking.at,
      reason: null,
      pullRequest: null,
      deployment: null,
      revokes: null,
      ...fact,
    })),
  );
  return { kind: "done" };
}

async function guarded(
  ports: ReleaseCommandPorts,
  { deed, command }: { readonly deed: Deed; readonly command: string },
  act: () => Promise<Commanded>,
): Promise<Commanded> {
  const leave = await ports.leave(deed, command);
  if (leave.kind === "wait" || leave.kind === "unreachable") return { kind: "again", afterMs: 5_000 };
  if (leave.kind !== "ok") return refused("the forge does not say what you may do here");
  return leave.value.kind === "granted" ? act() : refused(`${leave.value.why}: ${leave.value.next}`);
}

/** A note stands in the ledger beside the releases of the pull request's own story. */
function note(
  ports: ReleaseCommandPorts,
  asking: ReleaseAsking,
  { text }: { readonly text: string },
): Promise<Commanded> {
  return guarded(ports, { deed: "run", command: "/sluice note" }, () =>
    record(ports, asking, [
      { kind: "noted", environment: NOTES, pipeline: null, reason: text, pullRequest: asking.pullRequest },
    ]),
  );
}

/** Where notes stand that are of no environment. */
const NOTES = "_";

interface Wanted {
  readonly environment: EnvironmentSettings;
  readonly pipeline: string | null;
}

function promote(
  ports: ReleaseCommandPorts,
  asking: ReleaseAsking,
  wanted: Wanted & { readonly run: string | null },
): Promise<Commanded> {
  const { environment } = wanted;
  return guarded(ports, { deed: "promote", command: `/sluice promote ${environment.name}` }, async () => {
    const asked = await askedFor(ports, wanted);
    if (asked.kind === "refused") return asked;
    const { found } = asked;
    const again = toDeployAgain(ports, wanted, found);
    if (found.length + again.length === 0) return refused(await whyNone(ports, wanted));
    const fresh = found.filter(
      (one) =>
        standing(ports, environment, one.pipeline).live?.run !== one.run &&
        !again.some((other) => other.pipeline === one.pipeline),
    );
    if (fresh.length + again.length === 0)
      return refused(`${wanted.run === null ? "the newest" : "that"} run is live in \`${environment.name}\` already`);
    const facts = [...again, ...fresh].map(({ pipeline: name, run }): Fact => ({
      kind: "requested",
      environment: environment.name,
      pipeline: name,
      run,
    }));
    await record(ports, asking, facts);
    for (const { pipeline } of fresh) {
      const restored = await ports.restore(environment.name, pipeline);
      if (restored.kind === "wait" || restored.kind === "unreachable") return { kind: "again", afterMs: 5_000 };
    }
    return { kind: "done" };
  });
}

/** Releases at once, past gates, soak and approvals; a hold is a person's word, and stands. */
function force(
  ports: ReleaseCommandPorts,
  asking: ReleaseAsking,
  wanted: Wanted & { readonly run: string | null; readonly reason: string },
): Promise<Commanded> {
  const { environment, reason } = wanted;
  const { name } = environment;
  return guarded(
    ports,
    {
      deed: "break_glass",
      command: `/sluice promote ${name} --break-glass <reason>`,
    },
    async () => {
      if (asking.sender.bot) return refused("a bot does not release past gates and approvals");
      const asked = await askedFor(ports, wanted);
      if (asked.kind === "refused") return asked;
      const [only, ...more] = asked.found;
      if (only === undefined) return refused(await whyNone(ports, wanted));
      const { pipeline, run } = only;
      const command = (which: string): string => `\`/sluice promote ${name} ${which} --break-glass <reason>\``;
      if (more.length > 0) return refused(`say which: ${asked.found.map((one) => command(one.pipeline)).join(", ")}`);
      if (standing(ports, environment, pipeline).live?.run === run)
        return refused(`run \`${run}\` is live in \`${name}\` already`);
      const judged = await ports.judged(environment, only);
      if (judged.kind === "refused") return refused(judged.why);
      const halt = judged.waits.find(({ kind }) => kind === "hold" || kind === "freeze");
      if (halt !== undefined) return refused(`${halt.why}; this lifts no hold: \`${halt.out}\``);
      const skipped = judged.waits.map(({ why }) => why);
      const { evidence } = judged;
      return record(ports, asking, [{ kind: "forced", environment: name, pipeline, run, evidence, reason, skipped }]);
    },
  );
}

type AskedFor =
  | { readonly kind: "asked"; readonly found: readonly Candidate[] }
  | Extract<Commanded, { kind: "refused" }>;

/** The run that was named, or the newest of each pipeline; a run that is named is refused with the reason. */
async function askedFor(
  ports: ReleaseCommandPorts,
  { pipeline, run }: { readonly pipeline: string | null; readonly run: string | null },
): Promise<AskedFor> {
  if (run === null) {
    const all = await ports.candidates();
    return { kind: "asked", found: all.filter((one) => pipeline === null || one.pipeline === pipeline) };
  }
  const id = ports.runOf(run);
  if (id === undefined)
    return refused(`this repository's ledger has no run \`${run}\`, or more than one that begins so`);
  const named = await ports.candidate(id);
  if (named.kind === "refused") return refused(`run \`${id}\` cannot be promoted: ${named.why}: ${named.next}`);
  if (pipeline !== null && named.pipeline !== pipeline)
    return refused(`run \`${id}\` is of \`${named.pipeline}\`, not of \`${pipeline}\``);
  return { kind: "asked", found: [named] };
}

/** Why nothing can be promoted, by the newest run where one pipeline is meant. */
async function whyNone(ports: ReleaseCommandPorts, { pipeline }: Wanted): Promise<string> {
  if (pipeline === null) return "no run can be promoted yet";
  const none = `no run of \`${pipeline}\` can be promoted yet`;
  const newest = ports.newest(pipeline);
  const named = newest === undefined ? undefined : await ports.candidate(newest);
  return named?.kind === "refused" ? `${none}: of the newest, \`${newest ?? ""}\`: ${named.why}` : none;
}

interface Candidate {
  readonly pipeline: string;
  readonly run: RunId;
}

export type Judged =
  | {
      readonly kind: "judged";
      readonly waits: readonly Wait[];
      readonly evidence: Digest;
    }
  | { readonly kind: "refused"; readonly why: string };

/** A run that somebody named: what it would release, or why it releases nothing. */
export type NamedCandidate =
  | (Candidate & { readonly kind: "found" })
  | { readonly kind: "refused"; readonly why: string; readonly next: string };

/**
 * What is live and did not get there: where nobody knows how far it came it is deployed again before anything newer is;
 * where it failed a newer run may mend it.
 */
function toDeployAgain(
  { states }: ReleaseCommandPorts,
  { environment, pipeline }: Wanted,
  candidates: readonly Candidate[],
): readonly Candidate[] {
  if (environment.deploy === null) return [];
  return [...(states.get(environment.name)?.pipelines ?? [])].flatMap(([name, { live, deployed }]) => {
    if (live === null || (pipeline !== null && name !== pipeline)) return [];
    const newer = candidates.some((one) => one.pipeline === name && one.run !== live.run);
    return deployed === "lost" || (deployed === "failed" && !newer) ? [{ pipeline: name, run: live.run }] : [];
  });
}

function standing({ states }: ReleaseCommandPorts, { name }: EnvironmentSettings, pipeline: string): Standing {
  return standingOf(states.get(name), pipeline);
}

async function approve(ports: ReleaseCommandPorts, asking: ReleaseAsking, wanted: Wanted): Promise<Commanded> {
  const { environment, pipeline } = wanted;
  if (asking.sender.bot) return refused("a bot does not approve");
  const may = await ports.mayApprove(environment);
  if (may.kind === "wait" || may.kind === "unreachable") return { kind: "again", afterMs: 5_000 };
  if (may.kind !== "ok" || !may.value) return refused(notYours(`approve in \`${environment.name}\``));
  const open = [...(ports.states.get(environment.name)?.pipelines ?? [])].filter(
    ([name, { request }]) => request !== null && (pipeline === null || name === pipeline),
  );
  const facts: Fact[] = [];
  for (const [name, { request }] of open) {
    const evidence = await ports.shown(environment, name);
    if (request === null || evidence === undefined) continue;
    const { run, pullRequest } = request;
    facts.push({ kind: "approved", environment: environment.name, pipeline: name, run, evidence, pullRequest });
  }
  if (facts.length === 0)
    return refused(`nothing waits for an approval in \`${environment.name}\`, or what it shows has just changed`);
  return record(ports, asking, facts);
}

function rollBack(
  ports: ReleaseCommandPorts,
  asking: ReleaseAsking,
  wanted: Wanted & { readonly run: string | null },
): Promise<Commanded> {
  const { environment, run } = wanted;
  return guarded(ports, { deed: "rollback", command: `/sluice rollback ${environment.name}` }, async () => {
    const live = [...(ports.states.get(environment.name)?.pipelines ?? [])].filter(
      ([name, one]) => one.live !== null && (wanted.pipeline === null || name === wanted.pipeline),
    );
    const [only, ...more] = live;
    if (only === undefined) return refused(`nothing is live in \`${environment.name}\``);
    if (more.length > 0)
      return refused(
        `say which: ${live.map(([name]) => `\`/sluice rollback ${environment.name} ${name}\``).join(", ")}`,
      );
    const [pipeline, state] = only;
    const id = run === null ? null : ports.runOf(run);
    if (id === undefined) return refused(`there is no run ${run ?? ""}`);
    const target = rollbackTarget(state, id);
    if (target === undefined)
      return refused(
        id === null
          ? `nothing was live in \`${environment.name}\` before`
          : `that run was never live in \`${environment.name}\`, and a rollback goes only to what was`,
      );
    return record(ports, asking, [{ kind: "rolled-back", environment: environment.name, pipeline, run: target.run }]);
  });
}

/** `unhold <environment>` lifts the holds of all its pipelines too, such as those that rollbacks left. */
function lift(
  ports: ReleaseCommandPorts,
  asking: ReleaseAsking,
  { environment, pipeline, all }: Wanted & { readonly all: boolean },
): Promise<Commanded> {
  const { name } = environment;
  if (pipeline !== null) return record(ports, asking, [{ kind: "unheld", environment: name, pipeline }]);
  const state = ports.states.get(name);
  const held = [...(state?.pipelines ?? [])].filter(([, { hold }]) => all && hold !== null);
  return record(ports, asking, [
    { kind: "unheld", environment: name, pipeline: null },
    ...held.map(([one]): Fact => ({ kind: "unheld", environment: name, pipeline: one })),
  ]);
}

function unknownEnvironment({ environments }: ReleaseCommandPorts, name: string): string {
  const names = environments.map((one) => one.name);
  const meant = closest(name, names);
  if (names.length === 0) return "`sluice.yaml` on the default branch has no environments";
  return meant === undefined
    ? `there is no environment \`${name}\`: there are ${names.join(", ")}`
    : `there is no environment \`${name}\`: did you mean \`${meant}\`?`;
}

function refused(why: string): Extract<Commanded, { kind: "refused" }> {
  return { kind: "refused", why };
}
