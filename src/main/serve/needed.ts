import { mendLedger } from "./ledger.ts";
import type { At } from "./at.ts";
import type { ForgeRepository } from "./forge-repository.ts";
import { isOfFork, type Digest, type RunId } from "../../identity/identity.ts";
import type { RepositoryRef } from "../../identity/repository.ts";
import type { Narrowed } from "../../pipeline/narrow.ts";
import { isError } from "../../problem/problem.ts";
import { foldEvents } from "../../release/environment-state.ts";
import { parseEvent, recordedEvent } from "../../release/release-event.ts";
import { ACCEPTED, type RunOrder } from "../../run/request.ts";

/** Releases of each environment that stay, beside the live one. */
const RELEASES = 10;

/** What one repository needs of a store. */
export interface Needed {
  readonly kind: "needed";
  /** Since when its runs are kept (ms since 1970). */
  readonly since: number;
  readonly live: ReadonlySet<Digest>;
  /** Accepted and not recorded. */
  readonly open: readonly RunOrder[];
  /** Runs that made the results which those go on from. */
  readonly goneOnFrom: readonly RunId[];
  readonly ref: RepositoryRef;
  /** How many runs its ledger says that it recorded. */
  readonly recorded: number;
  /** How many runs, and events of environments, are known of it. */
  readonly runs: number;
  readonly events: number;
}

/** What a repository needs cannot be said now. */
export interface Unknown {
  readonly kind: "unknown";
  readonly why: string;
}

/** `known`: how many runs its ledger is known to have held. */
export async function neededBy(
  at: Pick<At, "service" | "queue">,
  ref: RepositoryRef,
  known: number,
): Promise<Needed | Unknown> {
  const repository = await at.service.repository(ref);
  const { history } = repository;
  const now = at.service.parts.clock.now();
  const rules = await repository.rules();
  if (rules === undefined) {
    if (known > 0 || !(await isEmpty(repository))) return unknown("the rules of its default branch cannot be read");
    return {
      kind: "needed",
      ref,
      since: now,
      live: new Set(),
      open: [],
      goneOnFrom: [],
      recorded: 0,
      runs: 0,
      events: 0,
    };
  }
  const open = await openIn(at, repository);
  if (open.kind === "unknown") return open;
  // How a fork's run is planned depends on settings, too.
  if (rules.unreadable !== undefined && open.orders.length > 0)
    return unknown("its sluice.yaml has mistakes, and a run goes on");
  await history.sync();
  const [runs, events] = [history.runs({ all: true }).length, history.events().length];
  const released = await releasedIn(repository, at.service.parts.ledger);
  if (released === undefined) return unknown("its ledger holds an event that this version cannot read");
  // What settings with mistakes mean to keep is not known: until they are mended, everything.
  const since = rules.unreadable === undefined ? now - rules.settings.retention.artifactsMs : 0;
  const deployed = open.orders.flatMap(({ deploys }) => deploys?.run ?? []);
  const held = await history.held(since, [...released, ...deployed]);
  if (held.kind === "unreadable") return unknown(`its run ${held.run} cannot be read by this version`);
  const { recorded } = held;
  if (recorded < known) return unknown(`its ledger holds ${recorded} runs, and held ${known}`);
  const live = new Set(held.digests);
  const goneOnFrom: RunId[] = [];
  for (const order of open.orders) {
    const used = await usedBy(repository, rules, order);
    if (used === undefined) return unknown(`its run ${order.id} cannot be planned`);
    for (const digest of used.digests) live.add(digest);
    goneOnFrom.push(...used.runs);
  }
  return { kind: "needed", ref, since, live, open: open.orders, goneOnFrom, recorded, runs, events };
}

/** A repository that was just made has no branch at all, and with none of them no ledger. */
async function isEmpty({ forge, mirror }: ForgeRepository): Promise<boolean> {
  if ((await forge.about()).kind !== "ok") return false;
  const refreshed = await mirror.refresh(["refs/heads/*", `${ACCEPTED}*`]);
  return refreshed.kind === "ok" && refreshed.refs.size === 0;
}

/** Whether a repository needs no more than when it was asked: nothing was accepted, recorded or released since. */
export async function isStill(
  at: Pick<At, "service" | "queue">,
  { ref, open, runs, events }: Needed,
): Promise<boolean> {
  const repository = await at.service.repository(ref);
  const { history } = repository;
  const now = await openIn(at, repository);
  if (now.kind === "unknown") return false;
  await history.sync();
  const known = new Set(open.map(({ id }) => id));
  const fresh = history.runs({ all: true, limit: history.runs({ all: true }).length - runs });
  return history.events().length === events && [...now.orders, ...fresh].every(({ id }) => known.has(id));
}

/**
 * Runs that are accepted and not recorded, also those whose acceptance somebody took away. While the ledger lacks what
 * it held it does not say what is recorded.
 */
async function openIn(
  at: Pick<At, "service" | "queue">,
  repository: ForgeRepository,
): Promise<{ readonly kind: "open"; readonly orders: readonly RunOrder[] } | Unknown> {
  const { service } = at;
  const refreshed = await repository.mirror.refresh([service.parts.ledger, `${ACCEPTED}*`]);
  if (refreshed.kind !== "ok") return unknown(refreshed.why);
  const mending = await mendLedger(at, repository);
  if (mending !== undefined) return unknown(mending.why);
  const open = await service.open(repository, refreshed.refs);
  return { kind: "open", orders: [...open, ...(await service.lost(repository, refreshed.refs))] };
}

function unknown(why: string): Unknown {
  return { kind: "unknown", why };
}

/**
 * Runs that are live, were live lately, or are asked for. What a key signed that is no longer ours decides nothing, and
 * was a release all the same: with and without it, whatever is said to be one stays, and so does what was said before a
 * push wrote over it or took it away.
 */
async function releasedIn(
  { releases, history, forge, mirror }: ForgeRepository,
  ledger: string,
): Promise<readonly RunId[] | undefined> {
  const signed = await releases.states();
  const brought: Uint8Array[] = [];
  for (const { sha, message } of (await mirror.log(ledger)).toReversed()) {
    const path = recordedEvent(message);
    const payload = path === undefined ? undefined : await mirror.file(sha, path);
    if (payload !== undefined) brought.push(payload);
  }
  const said = [history.events().map(({ payload }) => payload), brought].map((payloads) => payloads.map(parseEvent));
  if (said.some((events) => events.includes(undefined))) return undefined;
  const all = said.map((events) =>
    foldEvents(
      events.flatMap((one) =>
        one !== undefined && (one.repository === null || one.repository === String(forge.repository.id))
          ? one.event
          : [],
      ),
    ),
  );
  return [signed, ...all]
    .flatMap((states) => [...states.values()])
    .flatMap(({ pipelines }) => [...pipelines.values()])
    .flatMap(({ live, earlier, request }) => [live, ...earlier.slice(0, RELEASES), request])
    .flatMap((one) => (one === null ? [] : [one.run]));
}

/** What an accepted run pins, and the results that it goes on from; undefined where that cannot be said now. */
async function usedBy(
  { planAt }: ForgeRepository,
  { settings }: Narrowed,
  order: RunOrder,
): Promise<{ readonly digests: readonly Digest[]; readonly runs: readonly RunId[] } | undefined> {
  // As its run plans it: results are found by keys that name the pool's platform.
  const pool = isOfFork(order.domain) ? settings.forks.pool : null;
  const as = { ...order, released: order.deploys?.run ?? null, pool };
  const { planned } = await planAt({ commit: order.source, tree: null, domain: order.domain, against: null, as });
  const steps = planned.flatMap(({ forecast }) => forecast?.steps ?? []);
  const isWhole = planned.every(({ problems, forecast }) => forecast !== null && !problems.some(isError));
  if (planned.length === 0 || !isWhole) return undefined;
  const cached = steps.flatMap(({ verdict }) => (verdict.kind === "cached" ? [verdict.result] : []));
  const digests = [
    ...Object.values(order.pins).map(({ digest }) => digest),
    ...cached.flatMap(({ facts, made }) => [
      ...facts.outputs.map(({ digest }) => digest),
      ...(made.log === null ? [] : [made.log]),
    ]),
  ];
  return { digests, runs: cached.map(({ made }) => made.run) };
}
