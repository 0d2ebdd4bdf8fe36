import { isOfFork } from "../identity/identity.ts";
import type { Narrowed } from "../pipeline/narrow.ts";
import type { OperatorPool } from "../pipeline/operator.ts";
import type { Step } from "../pipeline/pipeline.ts";
import { leaveForForks } from "./forks.ts";

/** What a step is asked to run for. */
export interface Asking {
  readonly pipeline: string;
  /** As the ledger's trailer `Sluice-Trigger` spells it. */
  readonly trigger: string;
  readonly domain: string;
}

/** A step's requests as the default branch and the operator answer them. */
export type Granted =
  | {
      readonly kind: "granted";
      readonly name: string;
      readonly pool: OperatorPool;
      /** `require`: in a sandbox or container, or not at all. */
      readonly sandbox: "auto" | "require";
      /** Sources of the secrets, by the name that the step asks for. */
      readonly secrets: readonly { readonly name: string; readonly from: string }[];
    }
  | { readonly kind: "refused"; readonly why: string; readonly next: string };

/**
 * Answers what a step asks for: pool, executor and secrets are requests, granted per pipeline, step and trigger by the
 * default branch within what the operator allows (SEMANTICS §10).
 */
export function grantStep(rules: Narrowed, step: Step, asking: Asking): Granted {
  const name = isOfFork(asking.domain) ? (rules.settings.forks.pool ?? "") : step.resources.pool;
  const pool = Object.hasOwn(rules.pools, name) ? rules.pools[name] : undefined;
  const refusal =
    forkRefusal(rules, { step, pool }, asking) ??
    poolRefusal(rules, { step, name, pool }, asking) ??
    isolationRefusal(rules, step);
  if (refusal !== undefined || pool === undefined) return refusal ?? noPool(rules, step.name, name);
  const secrets: { name: string; from: string }[] = [];
  for (const asked of step.secrets) {
    const grant = rules.settings.secrets.find((one) => one.name === asked.name);
    const why = secretRefusal(grant, { step: step.name, secret: asked.name }, asking);
    if (why !== undefined) return why;
    if (grant !== undefined) secrets.push({ name: asked.name, from: grant.from });
  }
  const sandbox = rules.settings.sandbox === "require" ? "require" : "auto";
  return { kind: "granted", name, pool, sandbox, secrets };
}

type Refused = Extract<Granted, { kind: "refused" }>;

/** What strangers wrote runs where the operator has made room for it, and reaches nothing from there. */
function forkRefusal(
  rules: Narrowed,
  { step, pool }: { readonly step: Step; readonly pool: OperatorPool | undefined },
  { domain }: Asking,
): Refused | undefined {
  if (!isOfFork(domain)) return undefined;
  const leave = leaveForForks(rules);
  if (leave.kind === "refused") return leave;
  const asks = step.effects ? "changes the outside world" : step.network ? "asks for the network" : undefined;
  if (asks !== undefined)
    return { kind: "refused", why: `\`${step.name}\` ${asks}, and nothing of a fork may`, next: INSTEAD };
  if (pool === undefined || pool.untrusted) return undefined;
  return {
    kind: "refused",
    why: "forks run only on a pool that the operator marks untrusted",
    next: "ask the operator to write `untrusted: true` to it",
  };
}

const INSTEAD = "push the branch to this repository, or run it after the merge";

function poolRefusal(
  rules: Narrowed,
  { step, name, pool }: { readonly step: Step; readonly name: string; readonly pool: OperatorPool | undefined },
  { trigger, domain }: Asking,
): Refused | undefined {
  if (pool === undefined) return noPool(rules, step.name, name);
  const kind = isOfFork(domain) ? "fork" : domain === "main" ? "main" : "pr";
  if (pool.on !== null && !pool.on.includes(trigger))
    return {
      kind: "refused",
      why: `pool \`${name}\` is not given to ${trigger}`,
      next: `add \`${trigger}\` to \`pools.${name}.on\` in sluice.yaml of the default branch, or ask the operator to`,
    };
  if (!pool.domains.some((one) => one === kind))
    return {
      kind: "refused",
      why: `pool \`${name}\` takes no work of ${DOMAINS[kind]}`,
      next: `ask the operator to add \`${kind}\` to \`pools.${name}.domains\`, or name another pool`,
    };
  if (!pool.executors.includes(step.executor))
    return {
      kind: "refused",
      why: `pool \`${name}\` has no executor \`${step.executor}\``,
      next: `ask the operator to add \`${step.executor}\` to \`pools.${name}.executors\`, or name another pool`,
    };
  return undefined;
}

const DOMAINS = { main: "the default branch", pr: "pull requests", fork: "forks" } as const;

function noPool({ pools }: Narrowed, step: string, name: string): Refused {
  const known = Object.keys(pools).join(", ");
  return {
    kind: "refused",
    why: `\`${step}\` asks for the pool \`${name}\`, which there is not`,
    next: `write \`resources: { pool: … }\` with one of: ${known}; or ask the operator to write \`${name}\` under \`pools:\` in SLUICE_CONFIG`,
  };
}

function isolationRefusal({ leastIsolation }: Narrowed, step: Step): Refused | undefined {
  if (leastIsolation !== "container" || step.environment.kind === "image") return undefined;
  return {
    kind: "refused",
    why: `the operator runs steps in containers only, and \`${step.name}\` has no image`,
    next: "write `environment: { image: … }` with a digest: `sluice pin` finds it",
  };
}

function secretRefusal(
  grant: Narrowed["settings"]["secrets"][number] | undefined,
  { step, secret }: { readonly step: string; readonly secret: string },
  { pipeline, trigger, domain }: Asking,
): Refused | undefined {
  if (isOfFork(domain))
    return {
      kind: "refused",
      why: `\`${step}\` asks for the secret \`${secret}\`, and nothing of a fork gets one`,
      next: INSTEAD,
    };
  const line = `  ${secret}: { from: "env:${secret}", pipelines: [${pipeline}], steps: [${step}], on: [${trigger}] }`;
  const where = "below `secrets:` in sluice.yaml of the default branch";
  if (grant === undefined)
    return {
      kind: "refused",
      why: `\`${step}\` asks for the secret \`${secret}\`, which is not granted`,
      next: `add ${where}: \`${line.trim()}\``,
    };
  const lacks: readonly [readonly string[] | null, string, string][] = [
    [grant.pipelines, pipeline, "pipelines"],
    [grant.steps, step, "steps"],
    [grant.on, trigger, "on"],
  ];
  for (const [allowed, name, key] of lacks) {
    if (allowed === null || allowed.includes(name)) continue;
    return {
      kind: "refused",
      why: `the secret \`${secret}\` is not granted to ${key === "on" ? "the trigger" : key.slice(0, -1)} \`${name}\``,
      next: `add \`${name}\` to \`secrets.${secret}.${key}\` in sluice.yaml of the default branch`,
    };
  }
  return undefined;
}
