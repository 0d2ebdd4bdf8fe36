import type { Mirror } from "../git/mirror.ts";
import { parseRunId, type CommitSha } from "../identity/identity.ts";
import { ORDER_FILES, signedOrder } from "../manifest/signed-order.ts";
import { isRecorded } from "../manifest/signed-run.ts";
import { ACCEPTED, acceptedRef, ORDERS, type RunOrder } from "../run/request.ts";
import type { Signer } from "../signer/signer.ts";

export interface OrderPorts {
  readonly mirror: Mirror;
  readonly signer: Pick<Signer, "keyId" | "publicKey">;
  /** Told of each acceptance that is none of ours. */
  readonly forged: (ref: string, commit: CommitSha) => void;
}

/** Accepted by us and not recorded: whatever else happens, these must end. What somebody else pushed there is none. */
export async function openOrders(
  { mirror, signer, forged }: OrderPorts,
  refs: ReadonlyMap<string, CommitSha>,
): Promise<readonly RunOrder[]> {
  const orders: RunOrder[] = [];
  for (const [ref, commit] of refs) {
    if (!ref.startsWith(ACCEPTED)) continue;
    const order = signedOrder(await mirror.files(commit, ORDER_FILES), signer);
    if (order !== undefined && ref === acceptedRef(order.id)) orders.push(order);
    else forged(ref, commit);
  }
  return orders;
}

interface Recorded {
  readonly ledger: string;
  /** Keys whose word on recorded runs counts. */
  readonly keys: ReadonlyMap<string, string>;
}

/**
 * Accepted here, and neither recorded nor on the remote any more: whoever took the acceptance away did not end the run
 * (law 6). What is recorded by now, by whomever, is kept here no longer.
 */
export async function lostOrders(
  { mirror, signer, ledger, keys }: Pick<OrderPorts, "mirror" | "signer"> & Recorded,
  refs: ReadonlyMap<string, CommitSha>,
): Promise<readonly RunOrder[]> {
  const head = refs.get(ledger);
  const lost: RunOrder[] = [];
  for (const [ref, commit] of await mirror.kept(ORDERS)) {
    const id = parseRunId(ref.slice(ORDERS.length));
    if (id === undefined || refs.has(acceptedRef(id))) continue;
    const order = signedOrder(await mirror.files(commit, ORDER_FILES), signer);
    const ours = order?.id === id ? order : undefined;
    if (head !== undefined && (await isRecorded(mirror, head, ours ?? { id }, keys))) await mirror.drop(ref);
    else if (ours !== undefined) lost.push(ours);
  }
  return lost;
}
