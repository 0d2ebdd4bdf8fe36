import type { Mirror } from "../git/mirror.ts";
import type { CommitSha } from "../identity/identity.ts";
import { ACCEPTED, parseOrder, REQUEST_FILE, type RunOrder } from "../run/request.ts";

/** Accepted and not recorded: whatever else happens, these must end. */
export async function openOrders(mirror: Mirror, refs: ReadonlyMap<string, CommitSha>): Promise<readonly RunOrder[]> {
  const orders: RunOrder[] = [];
  for (const [ref, commit] of refs) {
    if (!ref.startsWith(ACCEPTED)) continue;
    const bytes = await mirror.file(commit, REQUEST_FILE);
    const order = bytes === undefined ? undefined : parseOrder(bytes);
    if (order !== undefined && ref === `${ACCEPTED}${order.id}`) orders.push(order);
  }
  return orders;
}
