import type { Desired } from "../../forge/desired.ts";
import type { Check } from "../../forge/forge.ts";
import { canonicalJson, type Json } from "../../identity/canonical-json.ts";
import { isOfFork, type CommitSha, type Domain } from "../../identity/identity.ts";
import type { RepositoryRef } from "../../identity/repository.ts";
import type { Queue } from "../../queue/queue.ts";
import { sharedCheck, sharedIds } from "../../report/shared-check.ts";
import { headsTable, wakeFor } from "./seen.ts";

/** The checks of an open pull request as it alone would have them. */
interface Own {
  readonly head: CommitSha;
  readonly base: string;
  readonly domain: Domain;
  /** Names of a fork's checks that are not its to write: a pull request of the repository itself has the same head. */
  readonly yields: readonly string[];
  readonly checks: readonly Pick<Check, "name" | "conclusion" | "title" | "externalId">[];
}

type Numbered = Own & { readonly number: number };
type Reported = Pick<Numbered, "number" | "head" | "base" | "domain">;

type Waking = Pick<Queue, "table" | "jobs">;

/** Has checks say what all open pull requests of their head have to say; who shares it is told of what is new. */
export async function shareChecks(
  queue: Waking,
  ref: RepositoryRef,
  { number, head, base, domain }: Reported,
  states: readonly Desired[],
): Promise<readonly Desired[]> {
  const checks = states.flatMap((state) => (state.kind === "check" ? [ownOf(state.check)] : []));
  const yieldsTo = (there: readonly Numbered[]): Own["yields"] => (isOfFork(domain) ? trustedNames(there) : []);
  const own: Own = { head, base, domain, yields: yieldsTo(await sharing(queue, ref, number, [head])), checks };
  const before = await ownIn(queue, ref, number);
  if (canonicalJson((before ?? null) as Json) !== canonicalJson(own as unknown as Json)) {
    await queue.table.put(headsTable(ref), String(number), own as unknown as Json);
    await wakeSharing(queue, ref, number, [head, ...(before === undefined ? [] : [before.head])]);
  }
  const others = await sharing(queue, ref, number, [head]);
  const yields = yieldsTo(others);
  return states
    .filter((state) => state.kind !== "check" || !yields.includes(state.check.name))
    .map((state) => (state.kind === "check" ? { ...state, check: joined(state.check, own, others) } : state));
}

/** One that is closed says nothing any more. */
export async function leaveHead(queue: Waking, ref: RepositoryRef, number: number): Promise<void> {
  const before = await ownIn(queue, ref, number);
  if (before === undefined) return;
  await queue.table.remove(headsTable(ref), String(number));
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

function joined(check: Check, { domain }: Own, others: readonly Numbered[]): Check {
  const there = others
    .toSorted((a, b) => Number(isStrangers(a)) - Number(isStrangers(b)))
    .flatMap((other) => {
      const counts = isOfFork(domain) || !isStrangers(other);
      const { number, base } = other;
      return other.checks.filter(({ name }) => name === check.name).map((one) => ({ ...one, number, base, counts }));
    });
  if (there.length === 0) return check;
  const shared = sharedCheck(check, there);
  const status = shared.conclusion === null ? "in_progress" : "completed";
  return { ...check, ...shared, status, externalId: sharedIds([check, ...there].map(({ externalId }) => externalId)) };
}

function trustedNames(others: readonly Numbered[]): readonly string[] {
  const names = others.filter((one) => !isStrangers(one)).flatMap(({ checks }) => checks.map(({ name }) => name));
  return [...new Set(names)].sort();
}

/** Rows of earlier versions name no domain. */
function isStrangers({ domain }: Partial<Pick<Own, "domain">>): boolean {
  return domain !== undefined && isOfFork(domain);
}

function ownOf({ name, conclusion, title, externalId }: Check): Own["checks"][number] {
  return { name, conclusion, title, externalId };
}

async function ownIn({ table }: Waking, ref: RepositoryRef, number: number): Promise<Own | undefined> {
  return (await table.get(headsTable(ref), String(number))) as unknown as Own | undefined;
}

async function sharing(
  { table }: Waking,
  ref: RepositoryRef,
  mine: number,
  heads: readonly CommitSha[],
): Promise<readonly Numbered[]> {
  const all = await table.entries(headsTable(ref));
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
