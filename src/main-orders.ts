import type { At } from "./main-at.ts";
import type { ForgeRepository } from "./main-forge-repository.ts";
import { ACCEPTED, type RunOrder } from "./run/request.ts";
import { QUEUES, runJob } from "./worker.ts";

/** Tables: runs that were asked to stop, and how far runs have got. */
export const STOP = "stop";
export const PROGRESS = "progress";

/** How far a run has got, and since when (ms since 1970). */
export interface KeptProgress {
  readonly done: number;
  readonly total: number;
  readonly began: number;
}

/** Accepted runs that are not recorded, by a fresh look at the remote. */
export async function freshOrders(at: At, repository: ForgeRepository): Promise<readonly RunOrder[]> {
  const refreshed = await repository.mirror.refresh([at.service.parts.ledger, `${ACCEPTED}*`]);
  return refreshed.kind === "ok" ? at.service.open(repository, refreshed.refs) : [];
}

/** Those that run for an open pull request. */
export async function ordersOf(at: At, repository: ForgeRepository, number: number): Promise<readonly RunOrder[]> {
  return ordersFor(await freshOrders(at, repository), number);
}

/** Those among accepted runs that run for a pull request, and not for its merge. */
export function ordersFor(orders: readonly RunOrder[], number: number): readonly RunOrder[] {
  return orders.filter((order) => order.pullRequest === number && order.domain !== "main");
}

/** A hint like all others: a run that nobody executes any more is recorded by the next who takes it up. */
export async function askToStop({ queue }: At, run: RunOrder["id"], why: "cancelled" | "superseded"): Promise<void> {
  await queue.table.put(STOP, run, why);
}

/** Accepts a run and hands it to the queue; `known`: the ledger has it, `later`: the remote did not take it now. */
export async function acceptAndEnqueue(
  at: At,
  repository: ForgeRepository,
  order: RunOrder,
): Promise<"accepted" | "known" | "later"> {
  const accepted = await at.service.accept(repository, order);
  if (accepted === "recorded") return "known";
  if (accepted !== "accepted") return "later";
  await at.queue.jobs.add(QUEUES.runs, [runJob(repository.forge.repository, order)]);
  return "accepted";
}

export async function progressOf({ queue }: At, run: RunOrder["id"]): Promise<KeptProgress | undefined> {
  return (await queue.table.get(PROGRESS, run)) as KeptProgress | undefined;
}
