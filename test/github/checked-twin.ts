import { onTestFinished } from "vitest";

import { startTwin, type Exchange, type Twin, type TwinOptions } from "../../src/twin/twin.ts";
import { checkDelivery } from "./delivery.ts";
import { checkExchange } from "./exchange.ts";

export interface CheckedTwin extends Twin {
  /** Everything that was asked and answered over the API, newest last. */
  readonly exchanges: readonly Exchange[];
}

/**
 * A local forge of which everything asked, answered and delivered is held against GitHub's own descriptions: the test
 * that made something else fails when it ends.
 */
export async function checkedTwin(options: TwinOptions): Promise<CheckedTwin> {
  const faults = new Set<string>();
  const exchanges: Exchange[] = [];
  const twin = await startTwin({
    ...options,
    onExchange: (exchange) => {
      exchanges.push(exchange);
      for (const fault of checkExchange(exchange)) faults.add(fault);
    },
  });
  onTestFinished(() => {
    for (const delivery of twin.forge.deliveries.sent)
      for (const fault of checkDelivery(delivery)) faults.add(`delivery ${fault}`);
    if (faults.size > 0) throw new Error(`GitHub describes it otherwise:\n${[...faults].slice(0, 60).join("\n")}`);
  });
  return { ...twin, exchanges };
}
