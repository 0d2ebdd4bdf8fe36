import { isSame } from "./environment-state.ts";
import type { Actor, ReleaseEvent } from "./release-event.ts";

/** One thing that happened to an environment, with who stood behind it. */
export interface AuditEntry {
  readonly event: ReleaseEvent;
  /** Who had asked for the run that was released. */
  readonly requestedBy: Actor;
  /** Who had agreed, in the order of their agreement; those who took it back or lost it are left out. */
  readonly approvals: readonly { readonly by: Actor; readonly at: string; readonly evidence: string | null }[];
}

const TOLD: readonly ReleaseEvent["kind"][] = ["released", "forced", "rolled-back", "deployed", "held", "unheld"];

/** What happened between two instants (RFC 3339; `to` itself is outside), in the ledger's order. */
export function auditEntries(
  events: readonly ReleaseEvent[],
  { from, to }: { readonly from: string | null; readonly to: string | null },
): readonly AuditEntry[] {
  const entries: AuditEntry[] = [];
  const asked = new Map<string, Actor>();
  const agreed = new Map<string, AuditEntry["approvals"]>();
  for (const event of events) {
    const place = `${event.environment}/${event.pipeline ?? ""}/${event.run ?? ""}`;
    const standing = agreed.get(place) ?? [];
    const others = standing.filter(({ by }) => !isSame(by, event.by));
    if (event.kind === "requested") {
      if (!asked.has(place)) asked.set(place, event.by);
    } else if (event.kind === "approved") {
      agreed.set(place, [...others, { by: event.by, at: event.at, evidence: event.evidence }]);
    } else if (event.kind === "revoked") {
      agreed.set(place, event.revokes === "request" ? [] : others);
    }
    if (!TOLD.includes(event.kind)) continue;
    if ((from !== null && event.at < from) || (to !== null && event.at >= to)) continue;
    const released = event.kind === "released" || event.kind === "forced";
    entries.push({ event, requestedBy: asked.get(place) ?? event.by, approvals: released ? standing : [] });
  }
  return entries;
}
