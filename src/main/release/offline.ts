import { readOffline, type OfflineEvent } from "../../controller/read-offline.ts";
import type { Desired } from "../../forge/desired.ts";
import type { At } from "../serve/at.ts";
import { freshOrders } from "../run/orders.ts";
import type { Place } from "./promotion-place.ts";
import { record } from "./record-releases.ts";
import { keysInUse } from "./signing-keys.ts";
import { forgetRefs, takeRefs } from "./taken-refs.ts";
import { OFFLINE, OFFLINE_HERE, takenIn } from "../../release/offline.ts";
import type { ReleaseEvent } from "../../release/release-event.ts";
import { offlineIssue } from "../../report/drift.ts";
import { ok, type Result } from "../../result/result.ts";
import type { RunOrder } from "../../run/request.ts";

export interface TakenOffline {
  /** One issue names what does not count. */
  readonly states: readonly Desired[];
  /** What the ledger has of it. */
  readonly taken: readonly ReleaseEvent[];
  /** Takes away what was taken in; where that does not succeed it is taken in once more, which changes nothing. */
  readonly forget: () => Promise<void>;
}

/**
 * Takes in what operators did while the forge was away, from the remote or as they left it in this mirror: each event
 * once, under the signature that it brings. Undefined while nobody can say what is under way: then nothing is decided
 * on either.
 */
export async function takeOffline(at: At, place: Place): Promise<TakenOffline | undefined> {
  const { repository, service } = place;
  const { mirror, forge } = repository;
  const { parts } = service;
  const vouching = { keys: keysInUse(parts), repository: String(forge.repository.id), check: parts.checkBundle };
  const taken: ReleaseEvent[] = [];
  const refs = [...(await mirror.kept(OFFLINE)), ...(await mirror.kept(OFFLINE_HERE))];
  const done = await takeRefs(repository, refs, {
    prefix: OFFLINE,
    read: (commit) => readOffline(mirror, commit, vouching),
    async take(_ref, read) {
      // Anew for each: what one of them changed is what the next one finds.
      const fresh = await freshOrders(at, repository);
      if (fresh.kind !== "ok") return undefined;
      const events = await take(place, read, fresh.orders);
      if (events.kind !== "ok") return events;
      taken.push(...events.value);
      return ok(true);
    },
  });
  if (done === undefined) return undefined;
  return {
    states: [{ kind: "issue", ...offlineIssue(done.told) }],
    taken,
    forget: () => forgetRefs(mirror, done.taken),
  };
}

async function take(
  place: Place,
  read: readonly OfflineEvent[],
  open: readonly RunOrder[],
): Promise<Result<readonly ReleaseEvent[], string>> {
  const events = takenIn(
    read.map(({ event }) => event),
    await place.repository.releases.states(),
    (environment) => open.some(({ deploys }) => deploys?.environment === environment),
  );
  if (events.kind === "ok") await record(place, events.value, new Map(read.map(({ path, signed }) => [path, signed])));
  return events;
}
