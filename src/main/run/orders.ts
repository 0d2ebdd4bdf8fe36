import type { Accepted } from "../../controller/accept-run.ts";
import type { At } from "../serve/at.ts";
import type { ForgeRepository } from "../serve/forge-repository.ts";
import { LIVE, waitingRun } from "./live-run.ts";
import type { RepositoryRef } from "../../identity/repository.ts";
import { ACCEPTED, type RunOrder } from "../../run/request.ts";
import { QUEUES, runJob } from "../../worker.ts";

/** Tables: runs that were asked to stop, and how far runs have got as reports tell it. */
export const STOP = "stop";
export const PROGRESS = "progress";

/** How far a run has got, and since when (ms since 1970). */
export interface KeptProgress {
  readonly done: number;
  readonly total: number;
  /** Not there where an earlier version wrote it. */
  readonly running?: readonly string[];
  readonly began: number;
}

/** Accepted runs that are not recorded, or that nobody can say now: that none is open is not known then. */
export type FreshOrders =
  | { readonly kind: "ok"; readonly orders: readonly RunOrder[] }
  | { readonly kind: "unreachable"; readonly why: string };

/** Whoever could not look at what is open comes again after this long. */
export const LOOK_AGAIN_MS = 5_000;

export async function freshOrders(at: Pick<At, "service">, repository: ForgeRepository): Promise<FreshOrders> {
  const refreshed = await repository.mirror.refresh([at.service.parts.ledger, `${ACCEPTED}*`]);
  if (refreshed.kind !== "ok") return { kind: "unreachable", why: refreshed.why };
  return { kind: "ok", orders: await at.service.open(repository, refreshed.refs) };
}

/** Those that run for an open pull request. */
export async function ordersOf(
  at: Pick<At, "service">,
  repository: ForgeRepository,
  number: number,
): Promise<FreshOrders> {
  const fresh = await freshOrders(at, repository);
  return fresh.kind === "ok" ? { kind: "ok", orders: ordersFor(fresh.orders, number) } : fresh;
}

/** Asks every open run of a pull request to stop; answers how many there are. */
export async function stopAll(
  at: At,
  repository: ForgeRepository,
  { number, why }: { readonly number: number; readonly why: "cancelled" | "superseded" },
): Promise<number | "later"> {
  const fresh = await ordersOf(at, repository, number);
  if (fresh.kind !== "ok") return "later";
  for (const order of fresh.orders) await askToStop(at, order.id, why);
  return fresh.orders.length;
}

/** Those among accepted runs that run for a pull request, and not for its merge. */
export function ordersFor(orders: readonly RunOrder[], number: number): readonly RunOrder[] {
  return orders.filter((order) => order.pullRequest === number && order.domain !== "main");
}

/** A hint like all others: a run that nobody executes any more is recorded by the next who takes it up. */
export async function askToStop({ queue }: At, run: RunOrder["id"], why: "cancelled" | "superseded"): Promise<void> {
  await queue.table.put(STOP, run, why);
}

/** Accepts a run, and hands it to the queue where that was taken. */
export async function acceptAndEnqueue(at: At, repository: ForgeRepository, order: RunOrder): Promise<Accepted> {
  const accepted = await at.service.accept(repository, order);
  if (accepted.kind === "accepted") await enqueueRun(at, repository.forge.repository, order);
  return accepted;
}

/** Hands an accepted run to whoever is free, and shows it to people who ask. */
export async function enqueueRun({ queue }: Pick<At, "queue">, ref: RepositoryRef, order: RunOrder): Promise<void> {
  if ((await queue.table.get(LIVE, order.id)) === undefined)
    await queue.table.put(LIVE, order.id, { ...waitingRun(ref, order) });
  await queue.jobs.add(QUEUES.runs, [runJob(ref, order)]);
}

export async function progressOf({ queue }: At, run: RunOrder["id"]): Promise<KeptProgress | undefined> {
  return (await queue.table.get(PROGRESS, run)) as KeptProgress | undefined;
}
