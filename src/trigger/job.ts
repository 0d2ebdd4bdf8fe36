import type { Json } from "../identity/canonical-json.ts";
import { deliveryWord } from "./delivery.ts";
import type { Trigger } from "./trigger.ts";

/** Name of the queue in which triggers wait for the controller. */
export const CONTROLLER_QUEUE = "controller";

/**
 * A trigger as the queue carries it. Triggers that say no more than "look again" share one id, so that a burst about
 * one thing waits as one job; what a person asked for keeps its own, so that none of two is lost. Answers to people
 * come first (priority 10), then pull requests (50), then the rest.
 */
export function jobOf(
  trigger: Trigger,
  delivery: string,
): { readonly id: string; readonly payload: Json; readonly priority: number } {
  const payload = structuredClone(trigger) as unknown as Json;
  return { id: idOf(trigger, deliveryWord(delivery)), payload, priority: PRIORITY[trigger.kind] };
}

const PRIORITY: Readonly<Record<Trigger["kind"], number>> = {
  command: 10,
  button: 10,
  "pull-request": 50,
  recheck: 50,
  "merge-group": 50,
  promotions: 60,
  reconcile: 100,
  everywhere: 100,
  collect: 100,
  installation: 100,
};

function idOf(trigger: Trigger, delivery: string): string {
  switch (trigger.kind) {
    case "pull-request":
      // Labels and reviews are requests of their sender; the rest is "look again".
      return /label|review/.test(trigger.action)
        ? `pull-request-${trigger.repository.id}-${trigger.number}-${delivery}`
        : `pull-request-${trigger.repository.id}-${trigger.number}`;
    case "command":
      return `command-${trigger.repository.id}-${trigger.comment}`;
    case "button":
      return `button-${trigger.repository.id}-${delivery}`;
    case "recheck":
      return `recheck-${trigger.repository.id}-${trigger.head}-${trigger.delivery}`;
    case "merge-group":
      return `merge-group-${trigger.repository.id}-${trigger.head}`;
    case "reconcile":
    case "promotions":
      return `${trigger.kind}-${trigger.repository.id}`;
    case "everywhere":
      return "everywhere";
    case "collect":
      return "collect";
    case "installation":
      return `installation-${trigger.installation}-${delivery}`;
  }
}
