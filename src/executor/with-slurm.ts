import { neverBegun } from "./attempt-end.ts";
import type { Executor } from "./executor.ts";
import { slurmHere } from "./slurm-command.ts";
import type { SlurmExecutorOptions } from "./slurm-place.ts";

export interface WithSlurmOptions extends SlurmExecutorOptions {
  /** True where workers stay: jobs that others left behind are cancelled from the start. */
  readonly stays: boolean;
}

/** Steps with `executor: slurm` as jobs, where jobs can be submitted; all others as before. */
export function withSlurm(plain: Executor, { stays, ...options }: WithSlurmOptions): Executor {
  let opened: Promise<Executor> | undefined;

  /** What speaks to Slurm is loaded when the first step needs it. */
  async function open(): Promise<Executor> {
    try {
      const { slurmExecutor } = await import("./slurm-executor.ts");
      return slurmExecutor(options);
    } catch (error) {
      opened = undefined;
      throw error;
    }
  }

  if (stays && slurmHere(options.path)) {
    opened = open();
    opened.catch(options.onError);
  }
  return {
    isolation: plain.isolation,
    why: plain.why,
    ahead: plain.ahead,
    async start(order, signal) {
      if (order.batch?.system !== "slurm") return plain.start(order, signal);
      if (!slurmHere(options.path)) return neverBegun(NO_SLURM);
      return (await (opened ??= open())).start(order, signal);
    },
    async [Symbol.asyncDispose]() {
      await plain[Symbol.asyncDispose]();
      await (await opened?.catch(() => undefined))?.[Symbol.asyncDispose]();
    },
  };
}

const NO_SLURM = {
  kind: "refused",
  why: "it runs as a job of Slurm (`executor: slurm`), and there is no `sbatch` here",
  next: "run it in a pool whose workers can submit jobs, or remove `executor: slurm`",
} as const;
