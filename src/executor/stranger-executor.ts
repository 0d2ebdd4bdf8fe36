import type { Failure } from "../run/run-record.ts";
import { neverBegun } from "./attempt-end.ts";
import { ownEnvironments, type Environments } from "./environment.ts";
import type { AttemptOrder, Executor } from "./executor.ts";
import { processExecutor, type ProcessExecutorOptions } from "./process-executor.ts";
import { removeTree } from "./remove-tree.ts";
import { withContainers } from "./with-containers.ts";
import { keepFresh, makeWorkPlace } from "./work-place.ts";

export type StrangerExecutorOptions = Pick<ProcessExecutorOptions, "directory" | "materialize" | "launcherPath">;

/** Of the worker's own PATH nothing is shown: beside programs in a home stand credentials. */
const PATH = "/usr/local/bin:/usr/bin:/bin";

/**
 * Steps that strangers wrote (law 9): each in a sandbox or container made for it alone, without network, secrets and
 * anything of the project; refused where that cannot be enforced.
 */
export function strangerExecutor(options: StrangerExecutorOptions): Executor {
  const running = new Set<Promise<unknown>>();
  const places = new Set<string>();
  const fresh = keepFresh(() => [...places]);
  return {
    isolation: "sandbox",
    why: "each step runs in a closed bubblewrap sandbox of its own",
    ahead: 1,
    async start(order, signal) {
      const refusal = refusalOf(order);
      if (refusal !== undefined) return neverBegun(refusal);
      const root = makeWorkPlace(options.directory, "stranger");
      places.add(root);
      let inner: Executor | undefined;
      const close = async (): Promise<void> => {
        try {
          await inner?.[Symbol.asyncDispose]();
        } finally {
          places.delete(root);
          removeTree(root);
        }
      };
      try {
        inner = open(options, root);
        const attempt = await inner.start(order, signal);
        running.add(attempt.ended);
        return {
          ...attempt,
          async dispose() {
            await attempt.dispose();
            running.delete(attempt.ended);
            await close();
          },
        };
      } catch (error) {
        await close();
        throw error;
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(running);
      fresh[Symbol.dispose]();
    },
  };
}

function open(options: StrangerExecutorOptions, root: string): Executor {
  const own = { ...options, directory: root, slots: 1, environments: NONE, path: PATH };
  const plain = processExecutor({ ...own, sandbox: "require", onDrift: undefined });
  // An image that is not here is not asked for either: whoever names a registry could name any machine.
  return withContainers("kind" in plain ? without(plain.why) : plain, { ...own, pull: false });
}

/** Nothing of this machine's is shown to strangers, and nothing that they name is fetched for them. */
const NONE: Environments = {
  prepare(order, building) {
    const { kind } = order.environment;
    if (kind === "system" || kind === "image") return ownEnvironments("/").prepare(order, building);
    return {
      kind: "refused",
      why: `it asks for \`environment: { ${kind}: … }\`, and nothing is installed for a fork`,
      next: "use an image by digest that the workers have, or run it after the merge",
    };
  },
};

/** What stands where this machine has no sandbox. */
function without(why: string): Executor {
  return {
    isolation: "workspace",
    why,
    ahead: 1,
    start: () =>
      Promise.resolve(
        neverBegun({
          kind: "refused",
          why: `what a fork brings runs in a sandbox only, and there is none here (${why})`,
          next: "install bubblewrap where the workers of this pool are",
        }),
      ),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** What the rules refuse before an attempt is handed out is refused here as well. */
function refusalOf({ network, secrets, batch }: AttemptOrder): Failure | undefined {
  if (batch !== undefined)
    return {
      kind: "refused",
      why: `it asks for a job of ${batch.system === "slurm" ? "Slurm" : "Kubernetes"}, and nothing of a fork gets one`,
      next: "run it after the merge",
    };
  const asks = network ? "the network" : Object.keys(secrets).length > 0 ? "secrets" : undefined;
  if (asks === undefined) return undefined;
  return {
    kind: "refused",
    why: `it asks for ${asks}, and nothing of a fork gets that`,
    next: "run it after the merge",
  };
}
