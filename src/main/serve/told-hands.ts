import type { Logger } from "pino";

import type { Performed } from "../../queue/queue.ts";
import type { Hands } from "../../worker.ts";
import type { AnswersFirst } from "./answers-first.ts";
import type { Tracing } from "./tracing.ts";

/** One line a trigger: what was looked at, what came of it, and how long it took. */
export function toldHands(
  hands: Hands,
  { log, tracing, begin }: { readonly log: Logger; readonly tracing: Tracing; readonly begin: AnswersFirst["quiet"] },
): Hands {
  return {
    ...hands,
    async handle(trigger) {
      await begin();
      const began = performance.now();
      const performed = await tracing.span("handle", { "sluice.trigger": trigger.kind }, () => hands.handle(trigger));
      const about = {
        trigger: trigger.kind,
        ...("repository" in trigger ? { repository: trigger.repository.fullName } : {}),
        ...("number" in trigger ? { number: trigger.number } : {}),
      };
      log.info({ ...about, ...endOf(performed), ms: Math.round(performance.now() - began) }, "handled");
      return performed;
    },
    async run(repository, run, signal) {
      const began = performance.now();
      const take = (): Promise<Performed> => hands.run(repository, run, signal);
      const performed = await tracing.span("run", { "sluice.run": run.id }, take);
      const about = { run: run.id, repository: repository.fullName };
      log.info({ ...about, ...endOf(performed), ms: Math.round(performance.now() - began) }, "run");
      return performed;
    },
  };
}

function endOf(performed: Performed): Readonly<Record<string, unknown>> {
  return { end: performed.kind, ...("why" in performed && { why: performed.why }) };
}
