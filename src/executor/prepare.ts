import type { Failure } from "../run/run-record.ts";
import { checkProgram, checkTools, type Environments, type PreparedEnvironment } from "./environment.ts";
import type { AttemptOrder } from "./executor.ts";

/** What a step's process stands on. */
export interface Prepared {
  readonly environment: PreparedEnvironment;
  readonly path: string;
  readonly drifted: boolean;
}

/** Whether steps are walled in here, and why or why not. */
export interface Walls {
  readonly sandboxed: boolean;
  readonly why: string;
}

export interface PreparingOptions extends Walls {
  readonly environments: Environments;
  /** The worker's own PATH, which follows the environment's. */
  readonly path: string;
  /** Where drift is allowed: told of tools or packages that differ from what is declared, instead of refusing. */
  readonly onDrift: ((drift: Failure) => void) | undefined;
}

/** The environment of a step, verified: its tools, its packages, the program that the step begins with. */
export async function prepare(
  { environments, path: own, onDrift, ...walls }: PreparingOptions,
  order: AttemptOrder,
  building: { readonly log: string; readonly signal: AbortSignal },
): Promise<Prepared | Failure> {
  const open = unwalled(walls, order);
  if (open !== undefined) return open;
  const found = await environments.prepare(order, building);
  if ("kind" in found) return found;
  const { environment } = found;
  const path = [...environment.path, own].join(":");
  const wrong = checkProgram(order.argv[0] ?? "", path);
  if (wrong !== undefined) return wrong;
  const drift = checkTools(order.tools, path, environment) ?? found.drift;
  if (drift !== undefined && onDrift === undefined) return drift;
  if (drift !== undefined) onDrift?.(drift);
  return { environment, path, drifted: drift !== undefined };
}

/** Who asks for a sandbox is refused where there is none. */
function unwalled({ sandboxed, why }: Walls, { sandbox }: AttemptOrder): Failure | undefined {
  if (sandbox !== "require" || sandboxed) return undefined;
  return {
    kind: "refused",
    why: `it runs in a sandbox or not at all (\`sandbox: require\`), and ${why}`,
    next: "install bubblewrap where the workers of this pool are",
  };
}
