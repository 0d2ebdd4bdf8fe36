import type { RunId } from "../identity/identity.ts";
import type { RunRecord } from "./run-record.ts";

/** A recorded run as decisions about a branch read it. */
export interface PastRun {
  readonly id: RunId;
  readonly pipeline: string;
  readonly status: RunRecord["status"];
  readonly trigger: RunRecord["trigger"];
  readonly request: string;
  readonly pullRequest: number | null;
}

/** Whether a run was one of a branch itself (null: of any), and not of a pull request; `find` looks a run up by id. */
export function isOfBranch(run: PastRun, branch: string | null, find: (id: RunId) => PastRun | undefined): boolean {
  switch (run.trigger) {
    case "push":
      return branch === null || run.request === `push:${branch}`;
    case "schedule":
    case "upstream":
    case "backfill":
      return true;
    case "retry": {
      const parent = find(parentOf(run.request));
      return parent === undefined ? run.pullRequest === null : isOfBranch(parent, branch, find);
    }
    case "pull-request":
    case "command":
    case "deploy":
    case "local":
      return false;
  }
}

/** The run that a retry repeats. */
export function parentOf(request: string): RunId {
  return (request.split(":")[1] ?? "") as RunId;
}

/**
 * Requests by which a pipeline's upstream pipelines start it: one for the newest success of each. Pipelines that wait
 * for each other in a circle start nothing.
 */
export function upstreamRequests(
  pipeline: string,
  upstreamOf: ReadonlyMap<string, readonly string[]>,
  newest: (pipeline: string) => PastRun | undefined,
): readonly string[] {
  if (isInCircle(pipeline, upstreamOf)) return [];
  return (upstreamOf.get(pipeline) ?? []).flatMap((upstream) => {
    const run = newest(upstream);
    return run === undefined ? [] : [`upstream:${run.id}`];
  });
}

function isInCircle(pipeline: string, upstreamOf: ReadonlyMap<string, readonly string[]>): boolean {
  const seen = new Set<string>();
  const todo = [...(upstreamOf.get(pipeline) ?? [])];
  for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
    if (name === pipeline) return true;
    if (seen.has(name)) continue;
    seen.add(name);
    todo.push(...(upstreamOf.get(name) ?? []));
  }
  return false;
}
