import { foldEvents, type EnvironmentState } from "../release/environment-state.ts";
import { checkedEvents } from "./checked-events.ts";
import type { Ledger, Repository } from "./world.ts";

/** Environments as the ledger's events leave them; what none of its keys signed does not count. */
export async function environmentsOf(
  repository: Repository,
  ledger: Ledger,
): Promise<ReadonlyMap<string, EnvironmentState>> {
  const checked = await checkedEvents(repository, ledger);
  return checked.kind === "ok" ? foldEvents(checked.value.counted.map(({ event }) => event)) : new Map();
}
