import { isOfFork, type Digest, type RunId } from "../../identity/identity.ts";
import type { RepositoryRef } from "../../identity/repository.ts";
import { again, DONE, type At } from "./at.ts";
import { freshOrders } from "../run/orders.ts";
import type { RunOrder } from "../../run/request.ts";
import type { ForgeRepository } from "./forge-repository.ts";
import type { Narrowed } from "../../pipeline/narrow.ts";
import type { Performed } from "../../queue/queue.ts";
import type { Collector } from "../../store/collector.ts";
import { CONTROLLER_QUEUE, jobOf } from "../../trigger/job.ts";

const DAY = 86_400_000;
const YOUNG_MS = 7 * DAY;
/** Releases of each environment that stay, beside the live one. */
const RELEASES = 10;
/** A repository that is away for so long is gone. */
const AWAY_MS = 30 * DAY;

/** A part of main.ts: asks for housekeeping of the store once a day. */
export async function askToCollect({ service, queue }: At): Promise<void> {
  const { collector, clock } = service.parts;
  const last = await collector.last();
  if (last === undefined || clock.now() - last >= DAY)
    await queue.jobs.add(CONTROLLER_QUEUE, [jobOf({ kind: "collect" }, "look")]);
}

/**
 * Removes from the store what no repository needs (SEMANTICS §13). Where one of them cannot be looked at nothing is
 * removed at all: what it needs is not known then.
 */
export async function collectStore({ service, queue }: At): Promise<Performed> {
  const { collector, clock, forges, log, onError } = service.parts;
  const lease = await queue.leases.acquire("collect", { ttlMs: 60_000, holder: String(process.pid) });
  if (lease === undefined) return DONE;
  try {
    const listed = await forges.repositories();
    if (listed.kind !== "ok") return again(DAY / 24);
    const { since, away } = await usersOf(collector, listed.value, clock.now());
    if (away !== undefined)
      onError(new Error(`housekeeping of the store waits: ${away} is not among the App's repositories any more`));
    if (away !== undefined || clock.now() - since < AWAY_MS) return again(DAY / 24);
    const kept = { live: new Set<Digest>(), runs: new Set<RunId>(), olderThan: clock.now() - YOUNG_MS };
    let personsSince = clock.now() - AWAY_MS;
    for (const ref of listed.value) {
      const needed = await neededBy({ service }, ref);
      if (needed === undefined) return again(DAY / 24);
      for (const digest of needed.live) kept.live.add(digest);
      for (const run of needed.runs) kept.runs.add(run);
      // What persons' clones hold is not known here: they are given as long as anybody.
      personsSince = Math.min(personsSince, needed.since);
    }
    if (lease.lost.aborted) return DONE;
    log.info(await collector.collect({ ...kept, personsSince }), "collected");
    return DONE;
  } finally {
    await lease.release();
  }
}

/**
 * A repository whose App was taken out or suspended lately may come back, and its releases with it. Where nothing is
 * known of earlier ones, any of them may be away.
 */
async function usersOf(
  collector: Collector,
  listed: readonly RepositoryRef[],
  now: number,
): Promise<{ readonly since: number; readonly away: string | undefined }> {
  const { since, seen } = (await collector.users()) ?? { since: now, seen: {} };
  const there = Object.fromEntries(listed.map(({ id, fullName }) => [String(id), { at: now, name: fullName }]));
  const away = Object.entries(seen).filter(([id, { at }]) => there[id] === undefined && now - at < AWAY_MS);
  await collector.keepUsers({ since, seen: { ...Object.fromEntries(away), ...there } });
  return { since, away: away[0]?.[1].name };
}

interface Needed {
  /** Since when its runs are kept (ms since 1970). */
  readonly since: number;
  readonly live: ReadonlySet<Digest>;
  readonly runs: ReadonlySet<RunId>;
}

async function neededBy({ service }: Pick<At, "service">, ref: RepositoryRef): Promise<Needed | undefined> {
  const repository = await service.repository(ref);
  const rules = await repository.rules();
  const fresh = await freshOrders({ service }, repository);
  if (rules === undefined || fresh.kind !== "ok") return undefined;
  await repository.history.sync();
  const since = service.parts.clock.now() - rules.settings.retention.artifactsMs;
  const held = await repository.history.held(since, await releasedIn(repository));
  if (held.kind === "unreadable") return undefined;
  const live = new Set(held.digests);
  for (const order of fresh.orders) for (const digest of await usedBy(repository, rules, order)) live.add(digest);
  return { since, live, runs: new Set(fresh.orders.map(({ id }) => id)) };
}

/** Runs that are live, were live lately, or are asked for. */
async function releasedIn({ releases }: ForgeRepository): Promise<readonly RunId[]> {
  return [...(await releases.states()).values()].flatMap(({ pipelines }) =>
    [...pipelines.values()].flatMap(({ live, earlier, request }) =>
      [live, ...earlier.slice(0, RELEASES), request].flatMap((one) => (one === null ? [] : [one.run])),
    ),
  );
}

/** What an accepted run pins, and the results that it goes on from. */
async function usedBy(
  { planAt }: ForgeRepository,
  { settings }: Narrowed,
  order: RunOrder,
): Promise<readonly Digest[]> {
  // As its run plans it: results are found by keys that name the pool's platform.
  const pool = isOfFork(order.domain) ? settings.forks.pool : null;
  const as = { ...order, released: order.deploys?.run ?? null, pool };
  const { planned } = await planAt({ commit: order.source, tree: null, domain: order.domain, against: null, as });
  const cached = planned.flatMap(({ forecast }) =>
    (forecast?.steps ?? []).flatMap(({ verdict }) => (verdict.kind === "cached" ? [verdict.result] : [])),
  );
  return [
    ...Object.values(order.pins).map(({ digest }) => digest),
    ...cached.flatMap(({ facts, made }) => [
      ...facts.outputs.map(({ digest }) => digest),
      ...(made.log === null ? [] : [made.log]),
    ]),
  ];
}
