import { isNotNow } from "../../forge/looked.ts";
import { notYours } from "../../policy/permission.ts";
import { closest } from "../../problem/suggest.ts";
import { rollbackTarget } from "../../release/decide.ts";
import { renamesOf } from "../../release/renames.ts";
import type { ReleaseCommand } from "../../trigger/command.ts";
import {
  guarded,
  record,
  refused,
  type Commanded,
  type Fact,
  type ReleaseAsking,
  type ReleaseCommandPorts,
  type Wanted,
} from "./asking.ts";
import { force, promote } from "./promotion.ts";

/** Does what a comment asks of an environment, by the permission that its author has at this moment. */
export async function commandRelease(
  ports: ReleaseCommandPorts,
  asking: ReleaseAsking,
  command: ReleaseCommand,
): Promise<Commanded> {
  if (command.kind === "note") return note(ports, asking, command);
  const environment = ports.environments.find(({ name }) => name === command.environment);
  if (environment === undefined) return refused(unknownEnvironment(ports, command.environment));
  const meant = pipelineMeant(ports, "pipeline" in command ? command.pipeline : null);
  if (meant.kind === "refused") return meant;
  const { pipeline } = meant;
  switch (command.kind) {
    case "promote":
      return command.breakGlass === null
        ? promote(ports, asking, { ...command, environment, pipeline })
        : force(ports, asking, { ...command, environment, pipeline, reason: command.breakGlass });
    case "approve":
      return approve(ports, asking, { environment, pipeline });
    case "rollback":
      return rollBack(ports, asking, { environment, pipeline, run: command.run });
    case "hold":
    case "freeze": {
      const fact = { kind: "held", environment: environment.name, pipeline, reason: command.reason } as const;
      return guarded(ports, { deed: "hold", command: `/sluice ${command.kind} ${environment.name}` }, async () =>
        record(ports, asking, [fact]),
      );
    }
    case "unhold":
    case "unfreeze": {
      const all = command.kind === "unhold";
      return guarded(ports, { deed: "hold", command: `/sluice ${command.kind} ${environment.name}` }, async () =>
        lift(ports, asking, { environment, pipeline, all }),
      );
    }
    default:
      return command satisfies never;
  }
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

async function approve(ports: ReleaseCommandPorts, asking: ReleaseAsking, wanted: Wanted): Promise<Commanded> {
  const { environment, pipeline } = wanted;
  if (asking.sender.bot) return refused("a bot does not approve");
  const may = await ports.mayApprove(environment);
  if (isNotNow(may)) return { kind: "again", afterMs: 5_000 };
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
    const meant = run === null ? null : await ports.runOf(run);
    if (meant?.kind === "refused") return meant;
    const id = meant?.id ?? null;
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

/**
 * The pipeline that a word means, by any name that it had; null: no word, all of them. One that is known by its runs or
 * releases alone can be held and rolled back as well: its file may be gone, or broken at the moment.
 */
function pipelineMeant(
  { pipelines, states, newest }: ReleaseCommandPorts,
  word: string | null,
): { readonly kind: "meant"; readonly pipeline: string | null } | Extract<Commanded, { kind: "refused" }> {
  if (word === null) return { kind: "meant", pipeline: null };
  const standing = [...states.values()].flatMap((state) => [...state.pipelines.keys()]);
  const known = new Set([...pipelines.map(({ id }) => id), ...standing]);
  const pipeline = renamesOf(pipelines).get(word) ?? word;
  if (known.has(pipeline) || newest(pipeline) !== undefined) return { kind: "meant", pipeline };
  const meant = closest(word, known);
  const next = meant === undefined ? `there are ${[...known].join(", ") || "none"}` : `did you mean \`${meant}\`?`;
  return refused(`there is no pipeline \`${word}\`: ${next}`);
}

function unknownEnvironment({ environments }: ReleaseCommandPorts, name: string): string {
  const names = environments.map((one) => one.name);
  const meant = closest(name, names);
  if (names.length === 0) return "`sluice.yaml` on the default branch has no environments";
  return meant === undefined
    ? `there is no environment \`${name}\`: there are ${names.join(", ")}`
    : `there is no environment \`${name}\`: did you mean \`${meant}\`?`;
}
