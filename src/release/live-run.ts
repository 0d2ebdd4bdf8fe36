import type { EnvironmentState, Live } from "./environment-state.ts";

export interface LivePipeline {
  readonly pipeline: string;
  readonly live: Live;
  /** Newest first. */
  readonly earlier: readonly Live[];
}

/** What an environment's name means as the name of a run (INTERFACES §4). */
export type LiveRun =
  | { readonly kind: "found"; readonly live: Live }
  | { readonly kind: "no-environment" }
  /** Nothing of what is named is live there; `live`: what is. */
  | { readonly kind: "nothing"; readonly of: NamedEnvironment; readonly live: readonly LivePipeline[] }
  | { readonly kind: "ambiguous"; readonly of: NamedEnvironment; readonly live: readonly LivePipeline[] }
  /** Fewer releases were live there before. */
  | { readonly kind: "too-far"; readonly of: NamedEnvironment; readonly pipeline: LivePipeline };

/** An environment as a person names it: `prod`, or `prod:digits` where several pipelines are live in it. */
interface NamedEnvironment {
  readonly environment: string;
  readonly pipeline: string | undefined;
}

/** The run that is live in an environment, or the `back`-th that was before it. */
export function liveRun(
  environments: ReadonlyMap<string, EnvironmentState>,
  { name, back }: { readonly name: string; readonly back: number },
): LiveRun {
  const of = namedBy(name);
  const state = environments.get(of.environment);
  if (state === undefined) return { kind: "no-environment" };
  const live = liveIn(state);
  const pipeline = state.renames?.get(of.pipeline ?? "") ?? of.pipeline;
  const found = live.filter((one) => pipeline === undefined || one.pipeline === pipeline);
  const [only] = found;
  if (only === undefined) return { kind: "nothing", of, live };
  if (found.length > 1) return { kind: "ambiguous", of, live: found };
  const wanted = back === 0 ? only.live : only.earlier[back - 1];
  return wanted === undefined ? { kind: "too-far", of, pipeline: only } : { kind: "found", live: wanted };
}

function namedBy(name: string): NamedEnvironment {
  const at = name.indexOf(":");
  return at < 0
    ? { environment: name, pipeline: undefined }
    : { environment: name.slice(0, at), pipeline: name.slice(at + 1) };
}

function liveIn({ pipelines }: EnvironmentState): readonly LivePipeline[] {
  return [...pipelines].flatMap(([pipeline, { live, earlier }]) =>
    live === null ? [] : [{ pipeline, live, earlier }],
  );
}
