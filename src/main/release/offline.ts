import { readOffline, type OfflineEvent } from "../../controller/read-offline.ts";
import type { Desired } from "../../forge/desired.ts";
import type { CommitSha } from "../../identity/identity.ts";
import type { At } from "../serve/at.ts";
import type { ForgeRepository } from "../serve/forge-repository.ts";
import { freshOrders } from "../run/orders.ts";
import type { Place } from "./promotion-place.ts";
import { record } from "./record-releases.ts";
import { keysInUse } from "./signing-keys.ts";
import { OFFLINE, OFFLINE_HERE, takenIn } from "../../release/offline.ts";
import type { ReleaseEvent } from "../../release/release-event.ts";
import { offlineIssue } from "../../report/drift.ts";
import { refused, type Result } from "../../result/result.ts";
import type { RunOrder } from "../../run/request.ts";

export interface TakenOffline {
  /** One issue names what does not count. */
  readonly states: readonly Desired[];
  /** What the ledger has of it. */
  readonly taken: readonly ReleaseEvent[];
  /** Takes away what was taken in; where that does not succeed it is taken in once more, which changes nothing. */
  readonly forget: () => Promise<void>;
}

/** What cannot be read is not read again: neither a commit nor our keys change. */
const unread = new WeakMap<ForgeRepository, ReadonlyMap<CommitSha, string>>();

/**
 * Takes in what operators did while the forge was away, from the remote or as they left it in this mirror: each event
 * once, under the signature that it brings. Undefined while nobody can say what is under way: then nothing is decided
 * on either.
 */
export async function takeOffline(at: At, place: Place): Promise<TakenOffline | undefined> {
  const { repository, service } = place;
  const { mirror, forge } = repository;
  const owner = { keys: keysInUse(service.parts), repository: String(forge.repository.id) };
  const known = unread.get(repository);
  const refusals = new Map<CommitSha, string>();
  const [told, taken, done]: [Told[], ReleaseEvent[], Kept[]] = [[], [], []];
  for (const [ref, commit] of [...(await mirror.kept(OFFLINE)), ...(await mirror.kept(OFFLINE_HERE))]) {
    const before = known?.get(commit);
    const read = before === undefined ? await readOffline(mirror, commit, owner) : refused(before);
    if (read.kind !== "ok") {
      refusals.set(commit, read.refusal);
      told.push({ ref, why: read.refusal });
      continue;
    }
    // Anew for each: what one of them changed is what the next one finds.
    const fresh = await freshOrders(at, repository);
    if (fresh.kind !== "ok") return undefined;
    const events = await take(place, read.value, fresh.orders);
    if (events.kind !== "ok") told.push({ ref, why: events.refusal });
    else {
      taken.push(...events.value);
      done.push({ ref, commit });
    }
  }
  unread.set(repository, refusals);
  const forgetAll = async (): Promise<void> => {
    for (const one of done) await forget(place, one);
  };
  return { states: [{ kind: "issue", ...offlineIssue(told) }], taken, forget: forgetAll };
}

interface Told {
  readonly ref: string;
  readonly why: string;
}

interface Kept {
  readonly ref: string;
  readonly commit: CommitSha;
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

async function forget({ repository: { mirror } }: Place, { ref, commit }: Kept): Promise<void> {
  if (ref.startsWith(OFFLINE)) {
    const published = await mirror.publish([{ ref, from: commit, to: null }]);
    if (published.kind !== "published") return;
  }
  await mirror.drop(ref);
}
