import { keylessOf, type KeylessConfig } from "./config-keyless.ts";
import type { ServiceConfigRead, SetupConfigRead, WorkerConfigRead } from "./config-service.ts";
import { isPrivateVariable } from "./pipeline/private-variable.ts";

/** What the environment says; the only reader of process.env apart from the git processes, which inherit it. */
export interface Config {
  readonly cwd: string;
  /** PATH of the person or worker: steps get it after their environment's. */
  readonly path: string;
  readonly color: "auto" | "never" | "always";
  /** False on a terminal that cannot move its cursor (`TERM=dumb`). */
  readonly cursor: boolean;
  readonly signingKey: string | undefined;
  readonly keyless: KeylessConfig;
  /** Key in steps' platform: locally this machine's. */
  readonly platform: string;
  /** Grants `from: env:NAME` are resolved here. */
  readonly variable: (name: string) => string | undefined;
  readonly user: string | null;
  readonly account: Account;
  /** Whether `SLUICE_QUEUE_URL` or `SLUICE_DATA` names a service. */
  readonly service: boolean;
  /** `SLUICE_STORE_URL`: another store than that of `sluice.yaml`. */
  readonly storeUrl: string | undefined;
}

/** A person's account on the forge. */
export interface Account {
  /** `GH_TOKEN`, else `GITHUB_TOKEN`; good for `host` and shown to no other. */
  readonly token: string | undefined;
  /** `github.com`, or what `GHE_HOST` says. */
  readonly host: string;
  /** How the pages of `host` are reached. */
  readonly protocol: string;
}

export function readConfig(env: NodeJS.ProcessEnv, cwd: string): Config {
  return {
    cwd,
    path: env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
    color:
      env["NO_COLOR"] !== undefined && env["NO_COLOR"] !== ""
        ? "never"
        : env["FORCE_COLOR"] !== undefined
          ? "always"
          : "auto",
    cursor: env["TERM"] !== "dumb",
    signingKey: env["SLUICE_SIGNING_KEY"],
    keyless: keylessOf(env),
    platform: `${process.platform}-${process.arch}`,
    variable: (name) => (isPrivateVariable(name) ? undefined : env[name]),
    user: env["USER"] ?? env["LOGNAME"] ?? null,
    account: {
      token: nonEmpty(env["GH_TOKEN"]) ?? nonEmpty(env["GITHUB_TOKEN"]),
      host: nonEmpty(env["GHE_HOST"])?.toLowerCase() ?? "github.com",
      protocol: nonEmpty(env["GHE_PROTOCOL"]) ?? "https",
    },
    service: (nonEmpty(env["SLUICE_QUEUE_URL"]) ?? nonEmpty(env["SLUICE_DATA"])) !== undefined,
    storeUrl: nonEmpty(env["SLUICE_STORE_URL"]),
  };
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

/** The service's variables, checked; what checks them loads only here, because no command of a laptop needs it. */
export async function readServiceConfig(env: NodeJS.ProcessEnv, cwd: string): Promise<ServiceConfigRead> {
  const { parseServiceConfig } = await import("./config-service.ts");
  return parseServiceConfig(env, cwd);
}

/** The few variables that matter before there is an App. */
export async function readSetupConfig(env: NodeJS.ProcessEnv, cwd: string): Promise<SetupConfigRead> {
  const { parseSetupConfig } = await import("./config-service.ts");
  return parseSetupConfig(env, cwd);
}

/** What a worker needs: neither the App's key nor its secrets. */
export async function readWorkerConfig(env: NodeJS.ProcessEnv, cwd: string): Promise<WorkerConfigRead> {
  const { parseWorkerConfig } = await import("./config-service.ts");
  return parseWorkerConfig(env, cwd);
}
