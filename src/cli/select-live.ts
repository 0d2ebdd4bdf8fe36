import type { EnvironmentState, Live } from "../release/environment-state.ts";
import { liveRun, type LiveRun } from "../release/live-run.ts";
import { safeLine } from "../report/safe-text.ts";
import { formatTime, fourCharacters } from "../report/words.ts";
import { EXIT, Refusal } from "./exit.ts";

/** The run that is live in an environment, or the `back`-th that was before it; undefined: no such environment. */
export function selectLive(
  environments: ReadonlyMap<string, EnvironmentState>,
  named: { readonly name: string; readonly back: number },
): Live | undefined {
  const found = liveRun(environments, named);
  switch (found.kind) {
    case "found":
      return found.live;
    case "no-environment":
      return undefined;
    case "nothing":
      throw nothing(found);
    case "ambiguous":
      throw ambiguous(found, named.back);
    case "too-far":
      throw tooFar(found);
  }
}

type Case<Kind extends LiveRun["kind"]> = Extract<LiveRun, { readonly kind: Kind }>;

function nothing({ of: { environment, pipeline }, live }: Case<"nothing">): Refusal {
  const what = pipeline === undefined ? "nothing" : `nothing of ${safeLine(pipeline, 40)}`;
  const others = live.map((one) => `${environment}:${one.pipeline}`);
  const next = others.length === 0 ? `sluice log --env ${environment}` : `live there: ${others.join(", ")}`;
  return new Refusal(EXIT.usage, `${what} is live in ${environment} as far as this ledger says\n  next: ${next}`);
}

function ambiguous({ of: { environment }, live: found }: Case<"ambiguous">, back: number): Refusal {
  const suffix = back === 0 ? "" : `~${back}`;
  const lines = found.map(
    ({ pipeline, live }) =>
      `  ${environment}:${pipeline}${suffix}  live is ${fourCharacters(live.run)} since ${formatTime(live.since)}`,
  );
  return new Refusal(EXIT.usage, [`${environment}${suffix} could be any of`, ...lines].join("\n"));
}

function tooFar({ of: { environment }, pipeline: { pipeline, earlier } }: Case<"too-far">): Refusal {
  const count = earlier.length;
  return new Refusal(
    EXIT.usage,
    `only ${count} ${count === 1 ? "release" : "releases"} of ${pipeline} ${count === 1 ? "was" : "were"} live in ${environment} before\n  next: sluice log ${pipeline} --env ${environment}`,
  );
}
