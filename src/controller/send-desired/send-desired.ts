import type { Clock } from "../../clock/clock.ts";
import { urgencyOf, type Desired } from "../../forge/desired.ts";
import type { Forge, Forges } from "../../forge/forge.ts";
import { canonicalJson, type Json } from "../../identity/canonical-json.ts";
import { digestOf } from "../../identity/identity.ts";
import type { RepositoryRef } from "../../identity/repository.ts";
import type { Table } from "../../queue/queue.ts";
import { withWait } from "../../report/check-output.ts";
import { putOff, waitsUntil, type PutOff } from "../../scheduling/put-off.ts";
import type { SpendWrites } from "../../scheduling/write-budget.ts";
import { writeDesired } from "./write-desired.ts";

export interface SendPorts {
  readonly table: Table;
  readonly forges: Forges;
  readonly clock: Clock;
  readonly spend: SpendWrites;
  /** Somebody else may be sending by now: nothing is written any more. */
  readonly lost: AbortSignal;
}

/** A state that the forge does not take: it is dropped, and the next event computes it anew. */
export interface NotTaken {
  readonly target: string;
  readonly why: string;
}

export type Sent =
  | { readonly kind: "sent"; readonly notTaken: readonly NotTaken[] }
  | { readonly kind: "again"; readonly afterMs: number; readonly notTaken: readonly NotTaken[] };

/** A minute's budget comes back within a minute: shorter waits are nobody's concern. */
const WORTH_SAYING_MS = 60_000;

interface Entry {
  readonly key: string;
  readonly value: Json;
  readonly repository: RepositoryRef;
  readonly desired: Desired;
}

/**
 * Brings the forge to an installation's desired states: the most urgent first, no faster than GitHub's limits allow,
 * and nothing at all where it already is as it should be. To be called by one process at a time per installation.
 */
export async function sendDesired(ports: SendPorts, installation: number): Promise<Sent> {
  const { table, clock } = ports;
  const outbox = `outbox/${installation}`;
  const notTaken: NotTaken[] = [];
  const later = (afterMs: number): Sent => ({ kind: "again", afterMs, notTaken });
  const silent = await silentUntil(table, installation);
  if (silent > clock.now()) {
    await holdUp(ports, installation);
    return later(silent - clock.now());
  }
  const entries = (await table.entries(outbox)).map(entryOf);
  let next = Number.POSITIVE_INFINITY;
  let unanswered = 0;
  for (const { key } of entries.toSorted((a, b) => urgencyOf(a.desired) - urgencyOf(b.desired))) {
    if (ports.lost.aborted) return later(NOT_OURS.afterMs);
    // Replaced while others were sent: the newest wins.
    const value = await table.get(outbox, key);
    const step = value === undefined ? SETTLED : await sendOne(ports, installation, entryOf({ key, value }));
    if (step.kind === "again") {
      if (step.limit) await holdUp(ports, installation);
      return later(step.afterMs);
    }
    if (step.kind === "put-off") {
      next = Math.min(next, step.until);
      // One that is never answered holds up no other; where nothing is answered, the forge is away.
      if (step.tried && ++unanswered === AWAY_AFTER) return later(ASK_AGAIN_MS);
      continue;
    }
    unanswered = 0;
    if (step.why !== null) notTaken.push({ target: key, why: step.why });
    if (value !== undefined) await table.remove(outbox, key, value);
    await table.remove(waitsOf(installation), key);
    await table.remove(putOffOf(installation), key);
  }
  return next === Number.POSITIVE_INFINITY ? { kind: "sent", notTaken } : later(Math.max(1_000, next - clock.now()));
}

/** So many states in a row that got no answer. */
const AWAY_AFTER = 2;
const ASK_AGAIN_MS = 5_000;

type Step =
  | { readonly kind: "settled"; readonly why: string | null }
  /** `limit`: GitHub's or our own limit on writes is why. */
  | { readonly kind: "again"; readonly afterMs: number; readonly limit: boolean }
  /** The forge gave no answer to this one, now or (not `tried`) a moment ago. */
  | { readonly kind: "put-off"; readonly until: number; readonly tried: boolean };

const SETTLED: Step = { kind: "settled", why: null };
const NOT_OURS = { kind: "again", afterMs: 1_000, limit: false } as const;

async function sendOne(ports: SendPorts, installation: number, entry: Entry): Promise<Step> {
  const { table, clock } = ports;
  const memory = `sent/${installation}`;
  const digest = digestOf(canonicalJson(entry.value));
  if ((await table.get(memory, entry.key)) === digest && !(await mayHaveGone(ports, entry))) return SETTLED;
  const off = (await table.get(putOffOf(installation), entry.key)) as PutOff | undefined;
  const until = waitsUntil(off, digest);
  if (until > clock.now()) return { kind: "put-off", until, tried: false };
  const spent = await ports.spend(installation, writesOf(entry.desired));
  if (spent.kind === "wait") return { kind: "again", afterMs: spent.afterMs, limit: true };
  const desired = await late(ports, installation, entry);
  if (ports.lost.aborted) return NOT_OURS;
  const answer = await writeDesired(ports.forges.open(entry.repository), desired);
  switch (answer.kind) {
    case "wait": {
      const until = Math.max(answer.until, clock.now() + 1_000);
      // Every delivery wakes the sender: none of them may ask GitHub again before.
      await table.put("write-silence", String(installation), until);
      return { kind: "again", afterMs: until - clock.now(), limit: true };
    }
    case "unreachable": {
      const again = putOff(off, { digest, now: clock.now() });
      await table.put(putOffOf(installation), entry.key, { ...again });
      return { kind: "put-off", until: again.until, tried: true };
    }
    case "ok":
      await table.put(memory, entry.key, digest);
      return SETTLED;
    case "not-found":
      return { kind: "settled", why: "what it is about is gone" };
    case "refused":
      // Not this state is refused, but we are.
      if (answer.status === 401) return { kind: "again", afterMs: 30_000, limit: false };
      return { kind: "settled", why: answer.why };
  }
}

async function silentUntil(table: Table, installation: number): Promise<number> {
  const until = await table.get("write-silence", String(installation));
  return typeof until === "number" ? until : 0;
}

/** A check's annotations travel fifty a write, each label is one. */
function writesOf(desired: Desired): number {
  if (desired.kind === "check") return Math.max(1, Math.ceil(desired.check.annotations.length / 50));
  // Made, and set.
  if (desired.kind === "deployment") return 2;
  return desired.kind === "labels" ? Math.max(1, desired.remove.length + Math.min(1, desired.add.length)) : 1;
}

function entryOf({ key, value }: { readonly key: string; readonly value: Json }): Entry {
  const { repository, desired } = value as unknown as Pick<Entry, "repository" | "desired">;
  return { key, value, repository, desired };
}

/** Since when each entry of the outbox that a limit held up has waited. */
function waitsOf(installation: number): string {
  return `write-waits/${installation}`;
}

/** Entries of the outbox that got no answer when they were last sent. */
function putOffOf(installation: number): string {
  return `write-put-off/${installation}`;
}

/** A limit holds up whatever is in the outbox then, and nothing that comes into it afterwards. */
async function holdUp({ table, clock }: SendPorts, installation: number): Promise<void> {
  const waits = waitsOf(installation);
  const known = new Set((await table.entries(waits)).map(({ key }) => key));
  for (const { key } of await table.entries(`outbox/${installation}`))
    if (!known.has(key)) await table.put(waits, key, clock.now());
}

/** A check that waited for GitHub's limits says so: nobody can tell a slow forge from a slow service otherwise. */
async function late({ table, clock }: SendPorts, installation: number, { key, desired }: Entry): Promise<Desired> {
  if (desired.kind !== "check") return desired;
  const since = await table.get(waitsOf(installation), key);
  const waited = typeof since === "number" ? clock.now() - since : 0;
  if (waited < WORTH_SAYING_MS) return desired;
  return { ...desired, check: { ...desired.check, summary: withWait(desired.check.summary, waited) } };
}

/** People can delete or edit a comment and put a label back: how it stands is asked, and asking costs no write. */
async function mayHaveGone({ forges }: SendPorts, { repository, desired }: Entry): Promise<boolean> {
  if (desired.kind === "labels") return labelsDiffer(forges.open(repository), desired);
  if (desired.kind !== "comment" || desired.body === null || desired.once === true) return false;
  const own = await forges.open(repository).ownComments(desired.number);
  return own.kind !== "ok" || !own.value.some((comment) => comment.body === desired.body);
}

async function labelsDiffer(
  forge: Forge,
  { number, add, remove }: Extract<Desired, { kind: "labels" }>,
): Promise<boolean> {
  const asked = await forge.pullRequest(number);
  if (asked.kind !== "ok") return true;
  const { labels } = asked.value;
  return remove.some((label) => labels.includes(label)) || add.some((label) => !labels.includes(label));
}
