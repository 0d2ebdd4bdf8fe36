import type { ContainerExecutorOptions } from "./container-executor.ts";
import type { Executor } from "./executor.ts";

/** Steps with an image in containers, where an engine answers; all others, and those where none does, as before. */
export function withContainers(plain: Executor, options: Omit<ContainerExecutorOptions, "engine">): Executor {
  let opened: Promise<Executor | undefined> | undefined;

  /** The engine is looked for, and what speaks to it loaded, when the first step needs it. */
  async function open(): Promise<Executor | undefined> {
    const { containerExecutorHere } = await import("./container-executor.ts");
    return containerExecutorHere(options);
  }

  return {
    isolation: plain.isolation,
    why: plain.why,
    ahead: plain.ahead,
    async start(order, signal) {
      if (order.environment.kind !== "image") return plain.start(order, signal);
      // Without an engine the plain one says so.
      return ((await (opened ??= open())) ?? plain).start(order, signal);
    },
    async [Symbol.asyncDispose]() {
      await plain[Symbol.asyncDispose]();
      await (await opened)?.[Symbol.asyncDispose]();
    },
  };
}
