import { NOTHING, standingAfter, type Approval, type Standing } from "./environment-state.ts";
import type { Actor, ReleaseEvent } from "./release-event.ts";

/** One thing that happened to an environment, with who stood behind it. */
export interface AuditEntry {
  readonly event: ReleaseEvent;
  /** Who had asked for it; of a deployment: for what was deployed. */
  readonly requestedBy: Actor;
  /** Who had agreed to this release, in the order of their agreement; those who took it back or lost it are left out. */
  readonly approvals: readonly Pick<Approval, "by" | "at" | "evidence">[];
}

const TOLD: readonly ReleaseEvent["kind"][] = ["released", "forced", "rolled-back", "deployed", "held", "unheld"];

/** What happened between two instants (RFC 3339; `to` itself is outside), in the ledger's order. */
export function auditEntries(
  events: readonly ReleaseEvent[],
  { from, to }: { readonly from: string | null; readonly to: string | null },
): readonly AuditEntry[] {
  const entries: AuditEntry[] = [];
  const standings = new Map<string, Standing>();
  for (const event of events) {
    const { kind, environment, pipeline, at } = event;
    const place = `${environment}/${pipeline ?? ""}`;
    const before = standings.get(place) ?? NOTHING;
    if (pipeline !== null) standings.set(place, standingAfter(before, event));
    if (!TOLD.includes(kind)) continue;
    if ((from !== null && at < from) || (to !== null && at >= to)) continue;
    entries.push({ event, requestedBy: askedBy(event, before), approvals: agreedTo(event, before) });
  }
  return entries;
}

/** Whoever asks for a release, a rollback or a hold is who the event is by; deployments follow of themselves. */
function askedBy({ kind, run, by }: ReleaseEvent, { live }: Standing): Actor {
  return kind === "deployed" && live !== null && live.run === run ? live.by : by;
}

function agreedTo({ kind, run }: ReleaseEvent, { request }: Standing): AuditEntry["approvals"] {
  return (kind === "released" || kind === "forced") && request?.run === run ? request.approvals : [];
}
