import { basename, dirname, join } from "node:path";

import type { Cluster } from "./kubernetes-cluster.ts";
import { PULSE_ANNOTATION, SERVICE_LABEL } from "./kubernetes-document.ts";
import { forget, isGone, type Pulse } from "./pulse.ts";

/** Ends Jobs of this service whose worker is gone, and own ones that nobody waits for. */
export async function endOrphans(
  cluster: Cluster,
  {
    service,
    pulse,
    awaited,
  }: { readonly service: string; readonly pulse: Pulse; readonly awaited: ReadonlySet<string> },
): Promise<void> {
  const told = await cluster.list(`${SERVICE_LABEL}=${service}`);
  if (told.kind !== "listed") return;
  const busy = new Set<string>();
  for (const { metadata } of told.jobs) {
    const { name = "", annotations = {} } = metadata ?? {};
    const file = annotations[PULSE_ANNOTATION] ?? "";
    const path = join(dirname(pulse.path), basename(file));
    busy.add(path);
    const gone = path === pulse.path ? !awaited.has(name) : isGone(path, pulse.path);
    if (gone && metadata?.deletionTimestamp === undefined) await cluster.remove(name);
  }
  forget(pulse, "kubernetes", busy);
}
