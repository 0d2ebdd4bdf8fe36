import { again, DONE, type At } from "./at.ts";
import { isStill, neededBy, type Needed, type Unknown } from "./needed.ts";
import type { Digest } from "../../identity/identity.ts";
import type { RepositoryRef } from "../../identity/repository.ts";
import type { Performed } from "../../queue/queue.ts";
import type { Collector, KeptForAll, Users } from "../../store/collector.ts";
import { CONTROLLER_QUEUE, jobOf } from "../../trigger/job.ts";

const DAY = 86_400_000;
const YOUNG_MS = 7 * DAY;
/** A repository that is away for so long is gone. */
const AWAY_MS = 30 * DAY;
/** Whoever could not be sure looks again after this long. */
const LATER_MS = DAY / 24;
/** Where something new came whenever somebody was asked, the next time may be a quieter one. */
const MOVED_MS = 10 * 60_000;
const ROUNDS = 5;

/** A part of main.ts: asks for housekeeping of the store once a day. */
export async function askToCollect({ service, queue }: At): Promise<void> {
  const { collector, clock } = service.parts;
  const last = await collector.last();
  if (last === undefined || clock.now() - last >= DAY)
    await queue.jobs.add(CONTROLLER_QUEUE, [jobOf({ kind: "collect" }, "look")]);
}

/**
 * Removes from the store what no repository needs (SEMANTICS §13). Where it is not known for sure what one of them needs
 * nothing is removed at all.
 */
export async function collectStore(at: At): Promise<Performed> {
  const { collector, clock, forges, log, onError } = at.service.parts;
  const lease = await at.queue.leases.acquire("collect", { ttlMs: 60_000, holder: String(process.pid) });
  if (lease === undefined) return DONE;
  try {
    const listed = await forges.repositories();
    if (listed.kind !== "ok") return again(LATER_MS);
    const { users, away } = await usersOf(collector, listed.value, clock.now());
    if (away !== undefined)
      onError(new Error(`housekeeping of the store waits: ${away} is not among the App's repositories any more`));
    if (away !== undefined || clock.now() - users.since < AWAY_MS) return again(LATER_MS);
    const asked = await settledNeeds(at, listed.value, users);
    if (asked.kind !== "settled") {
      onError(new Error(`housekeeping of the store waits: ${asked.why}`));
      return again(asked.kind === "moving" ? MOVED_MS : LATER_MS);
    }
    if (lease.lost.aborted) return DONE;
    log.info(await collector.collect(keptFor(at, asked.by), lease.lost), "collected");
    return DONE;
  } finally {
    await lease.release();
  }
}

type Asked =
  | { readonly kind: "settled"; readonly by: readonly Needed[] }
  /** Something was accepted, recorded or released whenever somebody was asked. */
  | { readonly kind: "moving"; readonly why: string }
  | Unknown;

/** What each of them needs, none of which needs more by now: whoever does is asked once more. */
async function settledNeeds(at: At, listed: readonly RepositoryRef[], users: Users): Promise<Asked> {
  const by = new Map<number, Needed>();
  let moved = listed;
  for (let round = 0; round < ROUNDS; round++) {
    for (const ref of moved) {
      const needed = await neededBy(at, ref, by.get(ref.id)?.recorded ?? users.seen[String(ref.id)]?.recorded ?? 0);
      if (needed.kind === "unknown") return { kind: "unknown", why: `${ref.fullName}: ${needed.why}` };
      by.set(ref.id, needed);
    }
    await keepCounts(at, users, [...by.values()]);
    moved = await movedSince(at, [...by.values()]);
    if (moved.length === 0) return { kind: "settled", by: [...by.values()] };
  }
  return { kind: "moving", why: `${moved.map(({ fullName }) => fullName).join(", ")} went on whenever it was asked` };
}

async function movedSince(at: At, by: readonly Needed[]): Promise<readonly RepositoryRef[]> {
  const moved: RepositoryRef[] = [];
  for (const needed of by) if (!(await isStill(at, needed))) moved.push(needed.ref);
  return moved;
}

/** Kept, so that a ledger that lacks what it held is missed. */
function keepCounts({ service }: At, { since, seen }: Users, by: readonly Needed[]): Promise<void> {
  const now: Record<string, Users["seen"][string]> = { ...seen };
  for (const { ref, recorded } of by) {
    const user = seen[String(ref.id)];
    if (user !== undefined) now[String(ref.id)] = { ...user, recorded };
  }
  return service.parts.collector.keepUsers({ since, seen: now });
}

function keptFor({ service }: At, by: readonly Needed[]): KeptForAll {
  const now = service.parts.clock.now();
  const open = by.flatMap((one) => one.open);
  const live = new Set<Digest>();
  for (const one of by) for (const digest of one.live) live.add(digest);
  // A run goes on from bytes that were there just before, which nobody made young for it.
  const began = open.map(({ acceptedAt }) => (Date.parse(acceptedAt) || 0) - DAY);
  return {
    live,
    runs: new Set([...open.map(({ id }) => id), ...by.flatMap(({ goneOnFrom }) => goneOnFrom)]),
    olderThan: Math.min(now - YOUNG_MS, ...began),
    // What persons' clones hold is not known here: they are given as long as anybody.
    personsSince: Math.min(now - AWAY_MS, ...by.map((one) => one.since)),
  };
}

/**
 * A repository whose App was taken out or suspended lately may come back, and its releases with it. Where nothing is
 * known of earlier ones, any of them may be away.
 */
async function usersOf(
  collector: Collector,
  listed: readonly RepositoryRef[],
  now: number,
): Promise<{ readonly users: Users; readonly away: string | undefined }> {
  const { since, seen } = (await collector.users()) ?? { since: now, seen: {} };
  const there = Object.fromEntries(
    listed.map(({ id, fullName }) => [String(id), { ...seen[String(id)], at: now, name: fullName }]),
  );
  const away = Object.entries(seen).filter(([id, { at }]) => there[id] === undefined && now - at < AWAY_MS);
  const users = { since, seen: { ...Object.fromEntries(away), ...there } };
  await collector.keepUsers(users);
  return { users, away: away[0]?.[1].name };
}
