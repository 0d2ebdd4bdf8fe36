import { startTwin } from "../../src/twin/twin.ts";
import { forgeOrders, type ForgeAnswer, type ForgeOrder } from "./forge-orders.ts";

/** The local forge in a process of its own: orders come over the channel to its parent, one answer each. */
const [, , directory = ""] = process.argv;
const twin = await startTwin({ directory });
const perform = forgeOrders(twin);

process.on("message", (message) => {
  const { id, order } = message as { readonly id: number; readonly order: ForgeOrder };
  void perform(order).then(
    (answer: ForgeAnswer) => process.send?.({ id, answer }),
    (error: unknown) => process.send?.({ id, answer: { kind: "failed", why: String(error) } }),
  );
});
process.on("disconnect", () => process.exit(0));
process.send?.({
  id: 0,
  answer: { kind: "started", host: new URL(twin.url).host, app: twin.app } satisfies ForgeAnswer,
});
