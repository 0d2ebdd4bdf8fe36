import type { EndApart, OrderApart } from "../../git/run-apart.ts";
import { runHere } from "../../git/run-program.ts";

/** The small process that runs git for a service, and ends with it: whatever a terminal or an init sends to both of them. */
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => undefined);
process.on("disconnect", () => process.exit());
process.on("message", (message) => {
  const { id, ...order } = message as OrderApart;
  const tell = (end: EndApart): void => void process.send?.(end);
  runHere(order).then(
    (end) => tell({ id, ...end }),
    (error: unknown) => tell({ id, error: error instanceof Error ? error.message : String(error) }),
  );
});
