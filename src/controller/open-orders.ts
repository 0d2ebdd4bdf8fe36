import type { Mirror } from "../git/mirror.ts";
import type { CommitSha } from "../identity/identity.ts";
import { ORDER_FILES, signedOrder } from "../manifest/signed-order.ts";
import { ACCEPTED, acceptedRef, type RunOrder } from "../run/request.ts";
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
