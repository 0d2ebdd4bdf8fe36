import { readOffline } from "../../controller/read-offline.ts";
import type { Desired } from "../../forge/desired.ts";
import type { CommitSha } from "../../identity/identity.ts";
import type { At } from "../serve/at.ts";
import { freshOrders } from "../run/orders.ts";
import { keysInUse, record, statesOf, type Place } from "./promotion-place.ts";
import { OFFLINE, OFFLINE_HERE, takenIn } from "../../release/offline.ts";
import { offlineIssue } from "../../report/drift.ts";
import { ok, type Result } from "../../result/result.ts";
import type { RunOrder } from "../../run/request.ts";

/**
 * Takes in what operators did while the forge was away, from the remote or as they left it in this mirror: each event
 * once, under the signature that it brings. One issue names what does not count. Undefined while nobody can say what
 * is under way: then nothing is decided on either.
 */
export async function takeOffline(at: At, place: Place): Promise<readonly Desired[] | undefined> {
  const { mirror } = place.repository;
  const found = [...(await mirror.kept(OFFLINE)), ...(await mirror.kept(OFFLINE_HERE))];
  const told: { readonly ref: string; readonly why: string }[] = [];
  for (const [ref, commit] of found) {
    // Anew for each: what one of them changed is what the next one finds.
    const fresh = await freshOrders(at, place.repository);
    if (fresh.kind !== "ok") return undefined;
    const taken = await take(place, commit, fresh.orders);
    if (taken.kind === "ok") await forget(place, { ref, commit });
    else told.push({ ref, why: taken.refusal });
  }
  return [{ kind: "issue", ...offlineIssue(told) }];
}

async function take(place: Place, commit: CommitSha, open: readonly RunOrder[]): Promise<Result<null, string>> {
  const { mirror, forge } = place.repository;
  const owner = { keys: keysInUse(place.service), repository: String(forge.repository.id) };
  const read = await readOffline(mirror, commit, owner);
  if (read.kind !== "ok") return read;
  const events = takenIn(
    read.value.map(({ event }) => event),
    await statesOf(place),
    (environment) => open.some(({ deploys }) => deploys?.environment === environment),
  );
  if (events.kind !== "ok") return events;
  await record(place, events.value, new Map(read.value.map(({ path, signed }) => [path, signed])));
  return ok(null);
}

/** Where that does not succeed it is taken in once more, which changes nothing. */
async function forget(
  { repository: { mirror } }: Place,
  { ref, commit }: { readonly ref: string; readonly commit: CommitSha },
): Promise<void> {
  if (ref.startsWith(OFFLINE)) {
    const published = await mirror.publish([{ ref, from: commit, to: null }]);
    if (published.kind !== "published") return;
  }
  await mirror.drop(ref);
}
