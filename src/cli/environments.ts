import type { Project } from "../controller/project.ts";
import { foldEvents, type EnvironmentState } from "../release/environment-state.ts";
import { renamesOf } from "../release/renames.ts";
import { checkedEvents } from "./checked-events.ts";
import type { Ledger, Repository } from "./world.ts";

/**
 * Environments as the ledger's events leave them; what none of its keys signed does not count. `pipelines` say what they
 * were called before.
 */
export async function environmentsOf(
  repository: Repository,
  ledger: Ledger,
  pipelines: Project["pipelines"] = [],
): Promise<ReadonlyMap<string, EnvironmentState>> {
  const checked = await checkedEvents(repository, ledger);
  if (checked.kind !== "ok") return new Map();
  const renames = renamesOf(pipelines.map(({ pipeline }) => pipeline));
  return foldEvents(
    checked.value.counted.map(({ event }) => event),
    renames,
  );
}
