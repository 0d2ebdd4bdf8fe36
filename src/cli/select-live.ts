import type { EnvironmentState, Live } from "../release/environment-state.ts";
import { safeLine } from "../report/safe-text.ts";
import { formatTime, fourCharacters } from "../report/words.ts";
import { EXIT, Refusal } from "./exit.ts";

/** An environment as a person names it: `prod`, or `prod:digits` where several pipelines are live in it. */
interface Named {
  readonly environment: string;
  readonly pipeline: string | undefined;
}

/** The run that is live in an environment, or the `back`-th that was before it; undefined: no such environment. */
export function selectLive(
  environments: ReadonlyMap<string, EnvironmentState>,
  { name, back }: { readonly name: string; readonly back: number },
): Live | undefined {
  const { environment, pipeline } = namedBy(name);
  const state = environments.get(environment);
  if (state === undefined) return undefined;
  const live = liveIn(state);
  const found = live.filter((one) => pipeline === undefined || one.pipeline === pipeline);
  const [only] = found;
  if (only === undefined) throw nothing({ environment, pipeline }, live);
  if (found.length > 1) throw ambiguous({ environment, back }, found);
  const wanted = back === 0 ? only.live : only.earlier[back - 1];
  if (wanted !== undefined) return wanted;
  const count = only.earlier.length;
  throw new Refusal(
    EXIT.usage,
    `only ${count} ${count === 1 ? "release" : "releases"} of ${only.pipeline} ${count === 1 ? "was" : "were"} live in ${environment} before\n  next: sluice log ${only.pipeline} --env ${environment}`,
  );
}

function namedBy(name: string): Named {
  const at = name.indexOf(":");
  return at < 0
    ? { environment: name, pipeline: undefined }
    : { environment: name.slice(0, at), pipeline: name.slice(at + 1) };
}

interface LivePipeline {
  readonly pipeline: string;
  readonly live: Live;
  readonly earlier: readonly Live[];
}

function liveIn({ pipelines }: EnvironmentState): readonly LivePipeline[] {
  return [...pipelines].flatMap(([pipeline, { live, earlier }]) =>
    live === null ? [] : [{ pipeline, live, earlier }],
  );
}

function nothing({ environment, pipeline }: Named, live: readonly LivePipeline[]): Refusal {
  const what = pipeline === undefined ? "nothing" : `nothing of ${safeLine(pipeline, 40)}`;
  const others = live.map((one) => `${environment}:${one.pipeline}`);
  const next = others.length === 0 ? `sluice log --env ${environment}` : `live there: ${others.join(", ")}`;
  return new Refusal(EXIT.usage, `${what} is live in ${environment} as far as this ledger says\n  next: ${next}`);
}

function ambiguous(
  { environment, back }: { readonly environment: string; readonly back: number },
  found: readonly LivePipeline[],
): Refusal {
  const suffix = back === 0 ? "" : `~${back}`;
  const lines = found.map(
    ({ pipeline, live }) =>
      `  ${environment}:${pipeline}${suffix}  live is ${fourCharacters(live.run)} since ${formatTime(live.since)}`,
  );
  return new Refusal(EXIT.usage, [`${environment}${suffix} could be any of`, ...lines].join("\n"));
}
