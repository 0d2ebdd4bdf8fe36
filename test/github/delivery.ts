import type { Delivery } from "../../src/twin/deliveries.ts";
import { described, errorsOf, schemaAt } from "./exchange.ts";

const webhooks = described("webhooks");

/** What GitHub's description of its webhooks says against a delivery; empty where it is content. */
export function checkDelivery({ event, payload }: Delivery): readonly string[] {
  const action = payload["action"];
  const name = typeof action === "string" ? `${event}.${action}` : event;
  if (webhooks.document.events?.[name] === undefined)
    return [`${name}: not in test/fixtures/github/webhooks.json; add it to scripts/trim-github-schemas.ts`];
  const sent: unknown = JSON.parse(JSON.stringify(payload));
  return errorsOf(schemaAt(webhooks, "events", name), sent).map((fault) => `${name}: ${fault}`);
}
