import { isNotNow } from "../../forge/looked.ts";
import {
  guarded,
  record,
  refused,
  standing,
  type Candidate,
  type Commanded,
  type Fact,
  type ReleaseAsking,
  type ReleaseCommandPorts,
  type Wanted,
} from "./asking.ts";

/** Asks for the run that is named, or for the newest of each pipeline. */
export function promote(
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
      if (isNotNow(restored)) return { kind: "again", afterMs: 5_000 };
    }
    return { kind: "done" };
  });
}

/** Releases at once, past gates, soak and approvals; a hold is a person's word, and stands. */
export function force(
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
  const meant = await ports.runOf(run);
  if (meant.kind === "refused") return meant;
  const { id } = meant;
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
