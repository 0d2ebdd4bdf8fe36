import type { Problem } from "../problem/problem.ts";
import type { Isolation, Operator, OperatorPool } from "./operator.ts";
import { isPrivateVariable } from "./private-variable.ts";
import type { Settings } from "./settings.ts";

/** What holds for one repository: the operator's word, narrowed by `sluice.yaml`. */
export interface Narrowed {
  readonly settings: Settings;
  readonly pools: Readonly<Record<string, OperatorPool>>;
  readonly leastIsolation: Isolation;
  /** Where `sluice.yaml` tries to widen what the operator allows; there the operator's word holds. */
  readonly problems: readonly Problem[];
  /** Why `sluice.yaml` cannot be read: then it grants nothing, and nobody can say what it forbids. */
  readonly unreadable?: readonly Problem[];
  /** There is no `sluice.yaml`. */
  readonly absent?: true;
}

interface Narrowing {
  readonly operator: Operator;
  readonly settings: Settings;
  readonly widens: (place: string, message: string, next: string) => void;
}

/** Joins the operator's file with a repository's settings (SEMANTICS §10); `repository` is `owner/name`. */
export function narrow(operator: Operator, settings: Settings, repository: string): Narrowed {
  const problems: Problem[] = [];
  const widens: Narrowing["widens"] = (place, message, next) => {
    const [line, column, endLine, endColumn] = settings.places[place] ?? [1, 1, 1, 1];
    const at = { path: "sluice.yaml", line, column, end: { line: endLine, column: endColumn } };
    problems.push({ severity: "error", code: "widens-operator", at, message, next });
  };
  const narrowing: Narrowing = { operator, settings, widens };
  const pools = poolsOf(narrowing);
  const sources = sourcesOf(operator, repository);
  const own = operator.settings;
  return {
    settings: {
      ...settings,
      pools: Object.fromEntries(
        Object.entries(pools).map(([name, { concurrency, on }]) => [name, { concurrency, on }]),
      ),
      weights: weightsOf(narrowing),
      sandbox: sandboxOf(narrowing),
      divergence: divergenceOf(narrowing),
      forks: forksOf(narrowing),
      secrets: settings.secrets.filter((grant) =>
        isListed(narrowing, sources, { place: `secrets.${grant.name}`, source: grant.from }),
      ),
      policies: [...own.policies, ...settings.policies],
      notify: [
        ...own.notify,
        ...settings.notify.filter((one, at) =>
          isListed(narrowing, sources, { place: `notify.${at}`, source: one.webhook }),
        ),
      ],
      retention: retentionOf(narrowing),
    },
    pools,
    leastIsolation: operator.leastIsolation,
    problems,
  };
}

/** A repository takes fewer slots and triggers of the operator's pools; it makes none. */
function poolsOf({ operator, settings, widens }: Narrowing): Readonly<Record<string, OperatorPool>> {
  const pools: Record<string, OperatorPool> = { ...operator.pools };
  for (const [name, asked] of Object.entries(settings.pools)) {
    const place = `pools.${name}`;
    const pool = operator.pools[name];
    if (pool === undefined) {
      // A file that names no pools has `default` without saying so.
      if (settings.places[place] !== undefined)
        widens(place, `the operator has no pool \`${name}\``, `name one of: ${Object.keys(operator.pools).join(", ")}`);
      continue;
    }
    if (settings.places[place] === undefined) continue;
    if (settings.places[`${place}.concurrency`] !== undefined && asked.concurrency > pool.concurrency) {
      const most = `the operator gives pool \`${name}\` ${pool.concurrency} slots`;
      widens(`${place}.concurrency`, most, `write at most ${pool.concurrency}`);
    }
    const more = (asked.on ?? []).filter((trigger) => pool.on?.includes(trigger) === false);
    if (more.length > 0)
      widens(
        `${place}.on`,
        `the operator does not give pool \`${name}\` to ${more.join(", ")}`,
        `remove ${more.join(", ")}`,
      );
    pools[name] = {
      ...pool,
      concurrency: Math.min(
        pool.concurrency,
        settings.places[`${place}.concurrency`] === undefined ? pool.concurrency : asked.concurrency,
      ),
      on: asked.on === null ? pool.on : asked.on.filter((trigger) => pool.on?.includes(trigger) ?? true),
    };
  }
  return pools;
}

function weightsOf({ operator, settings, widens }: Narrowing): Settings["weights"] {
  const most = operator.largestWeight;
  const entries = Object.entries(settings.weights).map(([name, weight]) => {
    if (weight > most)
      widens(`fair_share.weights.${name}`, `the operator's largest weight is ${most}`, `write at most ${most}`);
    return [name, Math.min(weight, most)] as const;
  });
  return Object.fromEntries(entries);
}

const SANDBOX = ["off", "auto", "require"] as const;

function sandboxOf({ operator, settings, widens }: Narrowing): Settings["sandbox"] {
  const own = operator.written.includes("sandbox") ? operator.settings.sandbox : "off";
  const least = operator.leastIsolation === "workspace" ? own : "require";
  if (SANDBOX.indexOf(settings.sandbox) >= SANDBOX.indexOf(least)) return settings.sandbox;
  if (settings.places["sandbox"] !== undefined)
    widens("sandbox", `the operator asks for \`sandbox: ${least}\``, `write \`sandbox: ${least}\`, or remove the line`);
  return least;
}

function divergenceOf({ operator, settings, widens }: Narrowing): Settings["divergence"] {
  if (operator.settings.divergence !== "stop" || settings.divergence === "stop") return settings.divergence;
  if (settings.places["divergence"] !== undefined)
    widens("divergence", "the operator asks for `divergence: stop`", "write `divergence: stop`, or remove the line");
  return "stop";
}

/** Forks run on a pool that is marked untrusted, and only where the operator has not said never. */
function forksOf({ operator, settings, widens }: Narrowing): Settings["forks"] {
  const never = { run: "never", pool: null } as const;
  if (settings.forks.run === "never") return never;
  if (operator.written.includes("forks") && operator.settings.forks.run === "never") {
    widens("forks", "the operator runs nothing of forks", "write `forks: { run: never }`");
    return never;
  }
  const pool = settings.forks.pool ?? operator.settings.forks.pool;
  if (pool !== null && operator.pools[pool]?.untrusted === true) return { run: settings.forks.run, pool };
  const marked = Object.keys(operator.pools).filter((name) => operator.pools[name]?.untrusted === true);
  widens(
    "forks",
    "forks run only on a pool that the operator marks untrusted",
    marked.length === 0 ? "write `forks: { run: never }`" : `add \`pool: ${marked[0]}\``,
  );
  return never;
}

/** Sources that the operator lists for a repository (`owner/name`). */
function sourcesOf(operator: Operator, repository: string): readonly string[] {
  const [owner = "", name = ""] = repository.split("/");
  return operator.installations
    .filter((one) => one.account.toLowerCase() === owner.toLowerCase())
    .filter((one) =>
      one.repositories.some((pattern) => pattern === "*" || pattern.toLowerCase() === name.toLowerCase()),
    )
    .flatMap((one) => one.sources);
}

function isListed(
  { operator, widens }: Narrowing,
  sources: readonly string[],
  { place, source }: { readonly place: string; readonly source: string },
): boolean {
  const backend = operator.secretBackends.some((kind) => source.startsWith(`${kind}:`));
  const listed = sources.some((one) => one === source || (one.endsWith("*") && source.startsWith(one.slice(0, -1))));
  const own = source.startsWith("env:") && isPrivateVariable(source.slice("env:".length));
  if (backend && listed && !own) return true;
  widens(
    place,
    `the operator does not list the source \`${source}\` for this repository`,
    own
      ? "name another source: this one is Sluice's own"
      : `ask the operator to add it to \`sources:\` of the installation`,
  );
  return false;
}

const KEPT = [
  ["runs", "runsMs"],
  ["artifacts", "artifactsMs"],
  ["logs", "logsMs"],
] as const;

/** A repository keeps things for less time than the operator says, never for more. */
function retentionOf({ operator, settings, widens }: Narrowing): Settings["retention"] {
  if (!operator.written.includes("retention")) return settings.retention;
  const kept = { ...settings.retention };
  for (const [key, field] of KEPT) {
    const most = operator.settings.retention[field];
    if (kept[field] <= most) continue;
    const days = `${most / 86_400_000}d`;
    if (settings.places[`retention.${key}`] !== undefined)
      widens(`retention.${key}`, `the operator keeps ${key} for ${days}`, `write at most \`${days}\``);
    kept[field] = most;
  }
  return kept;
}
