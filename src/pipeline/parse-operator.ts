import { parseDuration } from "../expression/duration.ts";
import { parseSize } from "../expression/size.ts";
import { isError } from "../problem/problem.ts";
import { checkAgainstSchema } from "./check-schema.ts";
import type { KubernetesPool, Operator, OperatorPool, OperatorStore, Quotas } from "./operator.ts";
import { operatorSchema, type RawOperator } from "./operator-schema.ts";
import { normalizeSettings } from "./parse-settings.ts";
import type { Parsed, Source } from "./parsed.ts";
import { report, type Reading } from "./reading.ts";
import { readYaml } from "./read-yaml.ts";

/** Parses the operator's file (`SLUICE_CONFIG`); no file is one that says nothing. Never throws. */
export function parseOperator(source: Source | null): Parsed<Operator> {
  const { yaml, problems } = readYaml(
    source ?? { path: "SLUICE_CONFIG", bytes: new TextEncoder().encode("version: 1\n") },
  );
  if (yaml === null) return { value: null, problems };
  const reading: Reading = { yaml: yaml.value === null ? { ...yaml, value: {} } : yaml, problems: [...problems] };
  const raw = checkAgainstSchema(reading, operatorSchema, { standIns: [{ path: ["version"], value: 1 }] });
  const operator = raw === undefined ? null : normalize(reading, raw);
  const found = reading.problems.toSorted((a, b) => a.at.line - b.at.line || a.at.column - b.at.column).slice(0, 100);
  return { value: reading.problems.some(isError) ? null : operator, problems: found };
}

function normalize(reading: Reading, raw: RawOperator): Operator {
  const { store, ...shared } = raw;
  return {
    settings: normalizeSettings(reading, shared),
    written: Object.keys(raw),
    installations: (raw.installations ?? []).map((one) => ({
      account: one.account,
      repositories: one.repositories ?? ["*"],
      sources: one.sources ?? [],
    })),
    store: store === undefined ? null : storeOf(store),
    pools: Object.fromEntries(
      Object.entries(raw.pools ?? { default: {} }).map(([name, pool]) => [name, poolOf(reading, name, pool)]),
    ),
    leastIsolation: raw.least_isolation ?? "workspace",
    largestWeight: raw.largest_weight ?? 10,
    secretBackends: raw.secret_backends ?? ["env"],
    datasetHosts: raw.dataset_hosts ?? null,
    quotas: quotasOf(raw.quotas),
    signingKeys: (raw.signing_keys ?? []).map((key) => ({ ...key, retired: key.retired ?? false })),
  };
}

function storeOf(store: NonNullable<RawOperator["store"]>): OperatorStore {
  if (store.kind === "filesystem") return store;
  const { kind, bucket, prefix, region, endpoint, path_style: pathStyle } = store;
  const access = { region: region ?? null, endpoint: endpoint ?? null, pathStyle: pathStyle ?? null };
  return { kind, bucket, prefix: prefix ?? "", ...access };
}

type RawPool = NonNullable<RawOperator["pools"]>[string];

function poolOf(reading: Reading, name: string, pool: RawPool): OperatorPool {
  checkKubernetes(reading, name, pool);
  return {
    concurrency: pool.concurrency ?? 4,
    on: pool.on ?? null,
    executors: pool.executors ?? ["process", "container"],
    kubernetes: pool.kubernetes === undefined ? null : kubernetesOf(pool.kubernetes),
    domains: pool.domains ?? (pool.untrusted === true ? ["fork"] : ["main", "pr"]),
    platform: pool.platform ?? "linux-x64",
    accelerator: pool.accelerator ?? null,
    usdPerHour: pool.usd_per_hour ?? null,
    untrusted: pool.untrusted ?? false,
  };
}

function kubernetesOf(raw: NonNullable<RawPool["kubernetes"]>): KubernetesPool {
  return {
    namespace: raw.namespace,
    claim: raw.claim,
    path: raw.path ?? "",
    gpu: raw.gpu ?? "nvidia.com/gpu",
    pendingMs: (raw.pending === undefined ? undefined : parseDuration(raw.pending)) ?? 3_600_000,
    nodeSelector: raw.node_selector ?? {},
    tolerations: (raw.tolerations ?? []).map(({ key, value, effect }) => ({
      key,
      value: value ?? null,
      effect: effect ?? null,
    })),
  };
}

/** The executor and its section come together. */
function checkKubernetes(reading: Reading, name: string, pool: RawPool): void {
  const asked = pool.executors?.includes("kubernetes") === true;
  const { yaml } = reading;
  const node = yaml.child(yaml.child(yaml.root, "pools"), name);
  // Where it is written wrong, that has been said.
  if (asked === (yaml.child(node, "kubernetes") !== undefined)) return;
  const at = yaml.span(yaml.child(node, asked ? "executors" : "kubernetes") ?? node);
  report(
    reading,
    at,
    asked
      ? {
          code: "no-cluster",
          message: `pool \`${name}\` has the executor \`kubernetes\` and does not say where its Jobs are made`,
          next: `add \`kubernetes: { namespace: ml, claim: sluice-data }\` to \`pools.${name}\``,
        }
      : {
          code: "unused-cluster",
          message: `pool \`${name}\` has a cluster and no executor \`kubernetes\``,
          next: `add \`kubernetes\` to \`pools.${name}.executors\`, or remove \`kubernetes:\``,
        },
  );
}

function quotasOf(quotas: RawOperator["quotas"]): Quotas {
  const bytes = (size: string | number | undefined): number | null =>
    size === undefined ? null : typeof size === "number" ? size : (parseSize(size) ?? null);
  return {
    runsPerDay: quotas?.runs_per_day ?? null,
    stepsAtOnce: quotas?.steps_at_once ?? null,
    stepsPerRun: quotas?.steps_per_run ?? null,
    artifactBytes: bytes(quotas?.artifact),
    storeBytes: bytes(quotas?.store),
  };
}
