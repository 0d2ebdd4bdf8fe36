import type { Clock } from "../clock/clock.ts";
import { urgencyOf, type Desired } from "../forge/desired.ts";
import type { Answer, Forge, Forges } from "../forge/forge.ts";
import { canonicalJson, type Json } from "../identity/canonical-json.ts";
import { digestOf } from "../identity/identity.ts";
import type { RepositoryRef } from "../identity/repository.ts";
import type { Table } from "../queue/queue.ts";
import { spend, startBudget, type WriteBudget } from "../scheduling/write-budget.ts";

export interface SendPorts {
  readonly table: Table;
  readonly forges: Forges;
  readonly clock: Clock;
}

export type Sent = { readonly kind: "sent" } | { readonly kind: "again"; readonly afterMs: number };

interface Entry {
  readonly key: string;
  readonly value: Json;
  readonly repository: RepositoryRef;
  readonly desired: Desired;
}

/**
 * Brings the forge to an installation's desired states: the most urgent first, no faster than GitHub's limits allow,
 * and nothing at all where it already is as it should be. A state that was replaced meanwhile is sent next time.
 */
export async function sendDesired(ports: SendPorts, installation: number): Promise<Sent> {
  const { table, clock } = ports;
  const outbox = `outbox/${installation}`;
  const entries = (await table.entries(outbox))
    .map(entryOf)
    .toSorted((a, b) => urgencyOf(a.desired) - urgencyOf(b.desired));
  let budget = (await readBudget(table, installation)) ?? startBudget();
  for (const entry of entries) {
    const memory = `sent/${installation}`;
    const digest = digestOf(canonicalJson(entry.value));
    if ((await table.get(memory, entry.key)) === digest && !(await mayHaveGone(ports, entry))) {
      await table.remove(outbox, entry.key, entry.value);
      continue;
    }
    const spent = spend(budget, clock.now());
    if (spent.kind === "wait") return { kind: "again", afterMs: spent.afterMs };
    budget = spent.budget;
    await table.put("write-budget", String(installation), budget as unknown as Json);
    const answer = await write(ports.forges.open(entry.repository), entry.desired);
    if (answer.kind === "wait") return { kind: "again", afterMs: Math.max(1_000, answer.until - clock.now()) };
    if (answer.kind === "unreachable") return { kind: "again", afterMs: 5_000 };
    // Refused or gone: asking again would change nothing, and the next event computes the state anew.
    if (answer.kind === "ok") await table.put(memory, entry.key, digest);
    await table.remove(outbox, entry.key, entry.value);
  }
  return { kind: "sent" };
}

function entryOf({ key, value }: { readonly key: string; readonly value: Json }): Entry {
  const { repository, desired } = value as unknown as Pick<Entry, "repository" | "desired">;
  return { key, value, repository, desired };
}

async function readBudget(table: Table, installation: number): Promise<WriteBudget | undefined> {
  return (await table.get("write-budget", String(installation))) as WriteBudget | undefined;
}

/** A comment can be deleted by people: whether it still stands is asked, and asking costs no write. */
async function mayHaveGone({ forges }: SendPorts, { repository, desired }: Entry): Promise<boolean> {
  if (desired.kind !== "comment" || desired.body === null) return false;
  const own = await forges.open(repository).ownComments(desired.number);
  return own.kind !== "ok" || !own.value.some((comment) => comment.body.includes(desired.marker));
}

async function write(forge: Forge, desired: Desired): Promise<Answer<unknown>> {
  switch (desired.kind) {
    case "comment":
      return writeComment(forge, desired);
    case "check": {
      const there = await forge.findCheck(desired.check.head, desired.check.name);
      return there.kind === "ok" ? forge.writeCheck(desired.check, there.value?.id ?? null) : there;
    }
    case "reaction":
      return forge.react(desired.comment, desired.content);
    case "labels":
      return writeLabels(forge, desired);
    case "issue":
      return writeIssue(forge, desired);
    default:
      return desired satisfies never;
  }
}

/** Looks before it creates: a crash after creating must not leave a second comment, and duplicates are deleted. */
async function writeComment(forge: Forge, desired: Extract<Desired, { kind: "comment" }>): Promise<Answer<unknown>> {
  const own = await forge.ownComments(desired.number);
  if (own.kind !== "ok") return own;
  const [first, ...more] = own.value.filter((comment) => comment.body.includes(desired.marker));
  for (const { id } of desired.body === null && first !== undefined ? [first, ...more] : more) {
    const deleted = await forge.deleteComment(id);
    if (deleted.kind !== "ok" && deleted.kind !== "not-found") return deleted;
  }
  if (desired.body === null) return { kind: "ok", value: null };
  if (first === undefined) return forge.createComment(desired.number, desired.body);
  if (first.body === desired.body) return { kind: "ok", value: null };
  const edited = await forge.editComment(first.id, desired.body);
  return edited.kind === "not-found" ? forge.createComment(desired.number, desired.body) : edited;
}

async function writeLabels(forge: Forge, desired: Extract<Desired, { kind: "labels" }>): Promise<Answer<unknown>> {
  for (const label of desired.remove) {
    const removed = await forge.removeLabel(desired.number, label);
    if (removed.kind !== "ok") return removed;
  }
  return desired.add.length === 0 ? { kind: "ok", value: null } : forge.addLabels(desired.number, desired.add);
}

async function writeIssue(forge: Forge, desired: Extract<Desired, { kind: "issue" }>): Promise<Answer<unknown>> {
  const there = await forge.findIssue(desired.marker);
  if (there.kind !== "ok") return there;
  if (desired.open) {
    if (there.value !== null) return there;
    return forge.createIssue(desired.title, `${desired.marker}\n${desired.body}`);
  }
  return there.value === null ? there : forge.closeIssue(there.value.number);
}
