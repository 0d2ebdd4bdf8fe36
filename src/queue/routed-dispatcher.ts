import type { Dispatcher, Ended } from "./dispatcher.ts";

/** Where a job goes, or its end where it goes nowhere. */
export type Route<End> = { readonly kind: "to"; readonly name: string } | { readonly kind: "ended"; readonly end: End };

/** One dispatcher over several, of which each job goes to one; ends of all of them come back in their order. */
export function routedDispatcher<Job extends { readonly id: string }, End>(
  routes: ReadonlyMap<string, Dispatcher<Job, End>>,
  routeOf: (job: Job) => Route<End>,
): Dispatcher<Job, End> {
  type Answer = { readonly job: Job; readonly end: Ended<End> };
  const asked = new Map<string, Promise<{ readonly name: string; readonly answer: Answer }>>();
  const where = new Map<string, string>();
  const early: Answer[] = [];
  let wake: () => void = () => undefined;

  return {
    slots: [...routes.values()].reduce((sum, route) => sum + route.slots, 0) || 1,
    dispatch(job) {
      const route = routeOf(job);
      const to = route.kind === "to" ? routes.get(route.name) : undefined;
      if (route.kind === "to" && to !== undefined) {
        where.set(job.id, route.name);
        to.dispatch(job);
        return;
      }
      const error = new Error(`dispatching ${job.id}: there is no such route`);
      early.push({
        job,
        end: route.kind === "ended" ? { kind: "ended", value: route.end } : { kind: "broken", error },
      });
      wake();
    },
    async next() {
      for (;;) {
        const first = early.shift();
        if (first !== undefined) return first;
        const woken = new Promise<undefined>((resolve) => (wake = () => resolve(undefined)));
        for (const [name, route] of routes)
          if (!asked.has(name))
            asked.set(
              name,
              route.next().then((answer) => ({ name, answer })),
            );
        const told = await Promise.race([...asked.values(), woken]);
        if (told === undefined) continue;
        asked.delete(told.name);
        where.delete(told.answer.job.id);
        return told.answer;
      }
    },
    cancel(id) {
      routes.get(where.get(id) ?? "")?.cancel(id);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...routes.values()].map((route) => route[Symbol.asyncDispose]()));
    },
  };
}
