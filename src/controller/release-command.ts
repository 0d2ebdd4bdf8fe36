import type { Answer } from "../forge/forge.ts";
import type { Digest, RunId } from "../identity/identity.ts";
import type { Person } from "../identity/repository.ts";
import type { EnvironmentSettings } from "../pipeline/settings.ts";
import { notYours, type Deed, type Leave } from "../policy/permission.ts";
import { rollbackTarget } from "../release/decide.ts";
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
      return promote(ports, asking, { environment, pipeline: command.pipeline });
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
      event: 1,
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

function promote(ports: ReleaseCommandPorts, asking: ReleaseAsking, wanted: Wanted): Promise<Commanded> {
  const { environment, pipeline } = wanted;
  return guarded(ports, { deed: "promote", command: `/sluice promote ${environment.name}` }, async () => {
    const all = await ports.candidates();
    const found = all.filter((one) => pipeline === null || one.pipeline === pipeline);
    const again = toDeployAgain(ports, wanted, found);
    if (found.length + again.length === 0)
      return refused(
        pipeline === null ? "no run can be promoted yet" : `no run of \`${pipeline}\` can be promoted yet`,
      );
    const fresh = found.filter(
      (one) =>
        standing(ports, environment, one.pipeline).live?.run !== one.run &&
        !again.some((other) => other.pipeline === one.pipeline),
    );
    if (fresh.length + again.length === 0) return refused(`the newest run is live in \`${environment.name}\` already`);
    return record(
      ports,
      asking,
      [...again, ...fresh].map(({ pipeline: name, run }) => ({
        kind: "requested",
        environment: environment.name,
        pipeline: name,
        run,
      })),
    );
  });
}

interface Candidate {
  readonly pipeline: string;
  readonly run: RunId;
}

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

function refused(why: string): Commanded {
  return { kind: "refused", why };
}
