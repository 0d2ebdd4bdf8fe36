import type { Desired } from "../../forge/desired.ts";
import type { Check } from "../../forge/forge.ts";
import { canonicalJson, type Json } from "../../identity/canonical-json.ts";
import type { CommitSha } from "../../identity/identity.ts";
import type { RepositoryRef } from "../../identity/repository.ts";
import type { Queue } from "../../queue/queue.ts";
import { sharedCheck } from "../../report/shared-check.ts";
import { wakeFor } from "./seen.ts";

/** The checks of an open pull request as it alone would have them. */
interface Own {
  readonly head: CommitSha;
  readonly base: string;
  readonly checks: readonly Pick<Check, "name" | "conclusion" | "title" | "externalId">[];
}

interface Reported {
  readonly number: number;
  readonly head: CommitSha;
  readonly base: string;
}

/** As many digests as the forge keeps of a check. */
const MOST_IDS = 2;

type Waking = Pick<Queue, "table" | "jobs">;

/** Has checks say what all open pull requests of their head have to say; who shares it is told of what is new. */
export async function shareChecks(
  queue: Waking,
  ref: RepositoryRef,
  { number, head, base }: Reported,
  states: readonly Desired[],
): Promise<readonly Desired[]> {
  const checks = states.flatMap((state) => (state.kind === "check" ? [ownOf(state.check)] : []));
  const own: Own = { head, base, checks };
  const before = await ownIn(queue, ref, number);
  if (canonicalJson((before ?? null) as Json) !== canonicalJson(own as unknown as Json)) {
    await queue.table.put(tableOf(ref), String(number), own as unknown as Json);
    await wakeSharing(queue, ref, number, [head, ...(before === undefined ? [] : [before.head])]);
  }
  const others = await sharing(queue, ref, number, [head]);
  return states.map((state) => (state.kind === "check" ? { ...state, check: joined(state.check, others) } : state));
}

/** One that is closed says nothing any more. */
export async function leaveHead(queue: Waking, ref: RepositoryRef, number: number): Promise<void> {
  const before = await ownIn(queue, ref, number);
  if (before === undefined) return;
  await queue.table.remove(tableOf(ref), String(number));
  await wakeSharing(queue, ref, number, [before.head]);
}

/** Whether the check of a head that one has left is others' now: they are asked to say what it is. */
export async function leaveCheck(
  queue: Waking,
  ref: RepositoryRef,
  { number, head, name }: Pick<Check, "head" | "name"> & { readonly number: number },
): Promise<boolean> {
  const others = await sharing(queue, ref, number, [head]);
  const theirs = others.filter(({ checks }) => checks.some((one) => one.name === name));
  for (const other of theirs) await wakeFor(queue, ref, other.number);
  return theirs.length > 0;
}

function joined(check: Check, others: readonly (Own & { readonly number: number })[]): Check {
  const there = others.flatMap(({ number, base, checks }) =>
    checks.filter(({ name }) => name === check.name).map((one) => ({ ...one, number, base })),
  );
  if (there.length === 0) return check;
  const shared = sharedCheck(check, there);
  const ids = [...new Set([check, ...there].map(({ externalId }) => externalId))].slice(0, MOST_IDS).join(",");
  const status = shared.conclusion === null ? "in_progress" : "completed";
  return { ...check, ...shared, status, externalId: ids };
}

function ownOf({ name, conclusion, title, externalId }: Check): Own["checks"][number] {
  return { name, conclusion, title, externalId };
}

async function ownIn({ table }: Waking, ref: RepositoryRef, number: number): Promise<Own | undefined> {
  return (await table.get(tableOf(ref), String(number))) as unknown as Own | undefined;
}

async function sharing(
  { table }: Waking,
  ref: RepositoryRef,
  mine: number,
  heads: readonly CommitSha[],
): Promise<readonly (Own & { readonly number: number })[]> {
  const all = await table.entries(tableOf(ref));
  return all
    .map(({ key, value }) => ({ number: Number(key), ...(value as unknown as Own) }))
    .filter(({ number, head }) => number !== mine && heads.includes(head));
}

async function wakeSharing(
  queue: Waking,
  ref: RepositoryRef,
  mine: number,
  heads: readonly CommitSha[],
): Promise<void> {
  for (const { number } of await sharing(queue, ref, mine, heads)) await wakeFor(queue, ref, number);
}

function tableOf({ id }: RepositoryRef): string {
  return `heads/${id}`;
}
