import type { Mirror } from "../git/mirror.ts";
import type { CommitSha } from "../identity/identity.ts";
import { preAuthentication, renderEnvelope } from "../manifest/dsse.ts";
import { ORDER_FILES, signedOrder } from "../manifest/signed-order.ts";
import { isRecorded } from "../manifest/signed-run.ts";
import {
  acceptedRef,
  ORDER_TYPE,
  orderRef,
  renderOrder,
  REQUEST_FILE,
  REQUEST_SIGNATURE,
  type RunOrder,
} from "../run/request.ts";
import type { Signer } from "../signer/signer.ts";

export interface AcceptPorts {
  readonly mirror: Mirror;
  readonly signer: Signer;
  /** Full name of the ledger branch's ref. */
  readonly ledger: string;
  /** Keys whose word on recorded runs counts. */
  readonly keys: ReadonlyMap<string, string>;
}

export type Accepted =
  /** Now, or by somebody else for the same request: the run must end in exactly one manifest. */
  | { readonly kind: "accepted"; readonly mine: boolean }
  /** The ledger has this run: asking twice is one run. */
  | { readonly kind: "recorded" }
  | { readonly kind: "refused" | "unreachable"; readonly why: string };

/** Accepts a run by creating its ref on the remote, once: only then may it be enqueued and acknowledged (SEMANTICS §6). */
export async function acceptRun({ mirror, signer, ledger, keys }: AcceptPorts, order: RunOrder): Promise<Accepted> {
  const ref = acceptedRef(order.id);
  const refreshed = await mirror.refresh([ledger]);
  if (refreshed.kind !== "ok") return refreshed;
  const head = refreshed.refs.get(ledger);
  if (head !== undefined && (await isRecorded(mirror, head, order, keys))) return { kind: "recorded" };
  const to = await orderCommit({ mirror, signer }, order);
  const published = await mirror.publish([{ ref, from: null, to }]);
  if (published.kind === "published") return { kind: "accepted", mine: true };
  const accepted =
    published.kind === "overtaken"
      ? await whoseIsIt({ mirror, signer, ledger, keys }, { order, to, why: published.why })
      : published;
  // Not accepted: nobody may find it here later and take it for a promise.
  if (accepted.kind !== "accepted") await mirror.drop(orderRef(order.id));
  return accepted;
}

/** Whoever came first accepted the run, unless it was none of us: then ours takes the place of what stands there. */
async function whoseIsIt(
  { mirror, signer, ledger, keys }: AcceptPorts,
  { order, to, why }: { readonly order: RunOrder; readonly to: CommitSha; readonly why: string },
): Promise<Accepted> {
  const ref = acceptedRef(order.id);
  const refreshed = await mirror.refresh([ref, ledger]);
  if (refreshed.kind !== "ok") return refreshed;
  const from = refreshed.refs.get(ref);
  if (from === undefined) {
    const head = refreshed.refs.get(ledger);
    const ended = head !== undefined && (await isRecorded(mirror, head, order, keys));
    // Gone again, it was taken to its end meanwhile; otherwise nobody would ever execute it.
    return ended ? { kind: "recorded" } : { kind: "refused", why };
  }
  const theirs = signedOrder(await mirror.files(from, ORDER_FILES), signer);
  if (theirs?.id === order.id) return { kind: "accepted", mine: false };
  const published = await mirror.publish([{ ref, from, to }]);
  if (published.kind === "published") return { kind: "accepted", mine: true };
  return published.kind === "overtaken" ? { kind: "unreachable", why: published.why } : published;
}

/** The commit that holds the signed order; of one order there is one commit, whoever makes it and how often. */
async function orderCommit(
  { mirror, signer }: Pick<AcceptPorts, "mirror" | "signer">,
  order: RunOrder,
): Promise<CommitSha> {
  const bytes = renderOrder(order);
  const signature = await signer.sign(preAuthentication(ORDER_TYPE, bytes));
  const files = new Map([
    [REQUEST_FILE, bytes],
    [REQUEST_SIGNATURE, renderEnvelope(bytes, { keyId: signer.keyId, bytes: signature }, ORDER_TYPE)],
  ]);
  const commit = {
    files,
    message: `${order.pipeline}: accepted\n\nSluice-Run: ${order.id}\n`,
    author: { name: "sluice", email: "sluice@localhost" },
    time: Math.floor(Date.parse(order.acceptedAt) / 1_000),
  };
  const scratch = orderRef(order.id);
  const appended = await mirror.append(scratch, null, [commit]);
  if (appended.kind === "appended") return appended.head;
  if (appended.head === null) throw new Error(`accepting ${order.id}: its commit was made and is gone`);
  return appended.head;
}
