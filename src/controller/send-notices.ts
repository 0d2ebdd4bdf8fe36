import type { Clock } from "../clock/clock.ts";
import { preAuthentication } from "../manifest/dsse.ts";
import type { Table } from "../queue/queue.ts";
import type { Secrets } from "../secrets/secrets.ts";
import type { Signer } from "../signer/signer.ts";

/** What became of one request. */
export type Posted =
  | { readonly kind: "ok" }
  /** Asked again it would be refused again. */
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "unreachable"; readonly why: string };

export interface SendNoticesPorts {
  readonly table: Table;
  readonly clock: Pick<Clock, "now">;
  readonly signer: Pick<Signer, "keyId" | "sign">;
  /** Where the addresses are; none is ever written down. */
  readonly secrets: Secrets;
  readonly post: (url: string, body: string, headers: Readonly<Record<string, string>>) => Promise<Posted>;
  /** Somebody else may be sending by now: nothing is sent any more. */
  readonly lost: AbortSignal;
  /** What was not taken, in words that hold no address. */
  readonly onTrouble: (why: string) => void;
}

/** A notice as it waits, by webhook and id. */
export interface WaitingNotice {
  readonly webhook: string;
  readonly id: string;
  readonly body: string;
  /** Ms since 1970. */
  readonly since: number;
}

/** Payload type of the signature. */
export const NOTICE_TYPE = "application/vnd.sluice.notice+json";

const SOONEST_MS = 5_000;
const SLOWEST_MS = 300_000;
const GIVEN_UP_MS = 86_400_000;

/** Notices that wait for their webhook to answer. */
export function waitingNotices(repository: number): string {
  return `notices/${repository}`;
}

/** Notices that were told, by the same keys, with when. */
export function toldNotices(repository: number): string {
  return `noticed/${repository}`;
}

/**
 * Tells what waits, in its order, each until its webhook has taken it or a day has passed. A webhook that does not
 * answer holds up none but its own. Answers after how many ms to try again; null: nothing waits any more.
 */
export async function sendNotices(ports: SendNoticesPorts, repository: number): Promise<number | null> {
  const { table, clock } = ports;
  const silent = new Set<string>();
  let afterMs: number | null = null;
  const entries = (await table.entries(waitingNotices(repository)))
    .map(({ key, value }) => ({ key, value, notice: value as unknown as WaitingNotice }))
    .toSorted((a, b) => a.notice.since - b.notice.since);
  for (const { key, value, notice } of entries) {
    if (ports.lost.aborted) return SOONEST_MS;
    // Whoever looked while this was told put it here once more.
    if ((await table.get(toldNotices(repository), key)) !== undefined) {
      await table.remove(waitingNotices(repository), key, value);
      continue;
    }
    const waitedMs = clock.now() - notice.since;
    const posted: Posted = silent.has(notice.webhook)
      ? { kind: "unreachable", why: "it did not answer" }
      : await sendOne(ports, notice);
    const again = posted.kind === "unreachable" && waitedMs < GIVEN_UP_MS;
    if (posted.kind !== "ok" && !silent.has(notice.webhook)) {
      const next = again ? "it is asked again" : "this is given up";
      ports.onTrouble(`the webhook ${notice.webhook} was not told of ${notice.id}: ${posted.why}, and ${next}`);
    }
    if (again) {
      silent.add(notice.webhook);
      afterMs = Math.min(afterMs ?? SLOWEST_MS, Math.max(SOONEST_MS, waitedMs));
      continue;
    }
    await table.put(toldNotices(repository), key, clock.now());
    await table.remove(waitingNotices(repository), key, value);
  }
  return afterMs;
}

async function sendOne({ secrets, signer, post }: SendNoticesPorts, { webhook, body }: WaitingNotice): Promise<Posted> {
  const read = secrets.read(webhook);
  // An operator may be about to set it.
  if (read.kind === "refused") return { kind: "unreachable", why: "its address cannot be read where the service runs" };
  const url = read.value.trim();
  if (!/^https?:/.test(url) || !URL.canParse(url)) return { kind: "unreachable", why: "what is there is no address" };
  const signature = await signer.sign(preAuthentication(NOTICE_TYPE, new TextEncoder().encode(body)));
  return post(url, body, {
    "content-type": "application/json",
    "sluice-signature": `keyid=${signer.keyId}, ed25519=${Buffer.from(signature).toString("base64")}`,
  });
}
