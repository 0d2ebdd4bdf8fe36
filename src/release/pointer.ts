import type { ReleaseEvent } from "./release-event.ts";

/** The cause of the event by which a request gets its pull request: the ledger's events are never written again. */
export function pointerCause(pullRequest: number, request: string): string {
  return `pull-request:${pullRequest}/${request}`;
}

/** Events as people read them: a request is told once, with the pull request that it led to. */
export function withPointers(events: readonly ReleaseEvent[]): readonly ReleaseEvent[] {
  const places = new Map<string, number>();
  const told: ReleaseEvent[] = [];
  for (const event of events) {
    const at = event.kind === "requested" ? places.get(nameOf(event, requestOf(event) ?? event.cause)) : undefined;
    const request = at === undefined ? undefined : told[at];
    if (at !== undefined && request !== undefined) told[at] = { ...request, pullRequest: event.pullRequest };
    else {
      if (event.kind === "requested") places.set(nameOf(event, event.cause), told.length);
      told.push(event);
    }
  }
  return told;
}

function requestOf({ cause, pullRequest }: ReleaseEvent): string | undefined {
  const start = pointerCause(pullRequest ?? 0, "");
  return cause.startsWith(start) ? cause.slice(start.length) : undefined;
}

function nameOf({ environment, pipeline, run }: ReleaseEvent, cause: string): string {
  return JSON.stringify([environment, pipeline, run, cause]);
}
