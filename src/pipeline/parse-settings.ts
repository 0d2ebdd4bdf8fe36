import type { Node } from "yaml";

import { checkCondition, readableIn, type ConditionKind } from "../expression/condition.ts";
import { parseDuration } from "../expression/duration.ts";
import { parseWindow } from "../expression/window.ts";
import { isError } from "../problem/problem.ts";
import { shorten } from "../problem/shorten.ts";
import { checkAgainstSchema } from "./check-schema.ts";
import { cleanPath } from "./path-problem.ts";
import type { Parsed, Source } from "./parsed.ts";
import { report, type Reading } from "./reading.ts";
import type { Span } from "./pipeline.ts";
import { DEFAULT_SETTINGS, type Condition, type EnvironmentSettings, type Settings } from "./settings.ts";
import { OPERATOR_KEYS } from "./operator-schema.ts";
import { settingsSchema, type RawSettings } from "./settings-schema.ts";
import { refusePattern } from "./glob-problems.ts";
import { readYaml } from "./read-yaml.ts";

/** Parses `sluice.yaml`; conditions are compiled and type-checked, so that a typo is found when it is written. */
export function parseSettings(source: Source | null): Parsed<Settings> {
  if (source === null) return { value: DEFAULT_SETTINGS, problems: [] };
  const { yaml, problems } = readYaml(source);
  if (yaml === null) return { value: null, problems };
  const reading: Reading = { yaml: yaml.value === null ? { ...yaml, value: {} } : yaml, problems: [...problems] };
  const raw = checkAgainstSchema(reading, settingsSchema, {
    standIns: [{ path: ["version"], value: 1 }],
    elsewhere: OPERATOR_KEYS,
  });
  const settings = raw === undefined ? null : normalizeSettings(reading, raw);
  const found = reading.problems.toSorted((a, b) => a.at.line - b.at.line || a.at.column - b.at.column).slice(0, 100);
  return { value: reading.problems.some(isError) ? null : settings, problems: found };
}

/** Settings as their schema accepted them, in their only shape; what it cannot see is reported. */
export function normalizeSettings(reading: Reading, raw: RawSettings): Settings {
  const defaults = DEFAULT_SETTINGS;
  const pipelines = cleanPath(raw.pipelines ?? defaults.pipelines);
  const foreign = refusePattern(pipelines);
  if (foreign !== undefined)
    report(reading, reading.yaml.span(reading.yaml.child(reading.yaml.root, "pipelines")), foreign);
  return {
    pipelines,
    ledger: { branch: raw.ledger?.branch ?? defaults.ledger.branch },
    store: { kind: "filesystem", path: raw.store?.path ?? defaults.store.path },
    sandbox: raw.sandbox ?? defaults.sandbox,
    divergence: raw.divergence ?? defaults.divergence,
    secrets: Object.entries(raw.secrets ?? {}).map(([name, grant]) => ({
      name,
      from: grant.from,
      pipelines: grant.pipelines ?? null,
      steps: grant.steps ?? null,
      on: grant.on ?? null,
    })),
    pools: Object.fromEntries(
      Object.entries(raw.pools ?? { default: {} }).map(([name, pool]) => [
        name,
        { concurrency: pool.concurrency ?? 4, on: pool.on ?? null },
      ]),
    ),
    weights: raw.fair_share?.weights ?? {},
    forks: { run: raw.forks?.run ?? "never", pool: raw.forks?.pool ?? null },
    environments: environmentsOf(reading, raw),
    policies: policiesOf(reading, raw),
    permissions: Object.fromEntries(
      Object.entries(raw.permissions ?? {}).flatMap(([verb, who]) =>
        who === undefined ? [] : [[verb, typeof who === "string" ? { role: who } : who] as const],
      ),
    ),
    notify: raw.notify ?? [],
    sigstore:
      raw.sigstore === undefined
        ? null
        : { trustedRoot: raw.sigstore.trusted_root, identities: raw.sigstore.identities },
    retention: {
      runsMs: milliseconds(raw.retention?.runs) ?? defaults.retention.runsMs,
      artifactsMs: milliseconds(raw.retention?.artifacts) ?? defaults.retention.artifactsMs,
      logsMs: milliseconds(raw.retention?.logs) ?? defaults.retention.logsMs,
    },
    places: placesOf(reading),
  };
}

/** Places of what is judged beside other files and the operator's: each key of these, and two levels below it. */
function placesOf({ yaml }: Reading): Settings["places"] {
  const places: Record<string, Span> = {};
  const walk = (node: Node | undefined, name: string, depth: number): void => {
    if (node === undefined) return;
    places[name] = yaml.span(node);
    if (depth === 0) return;
    for (const key of yaml.keys(node)) walk(yaml.child(node, key), `${name}.${key}`, depth - 1);
  };
  const refusable = ["pools", "secrets", "fair_share", "forks", "sandbox", "divergence", "retention"];
  for (const key of [...refusable, "environments"]) {
    walk(yaml.child(yaml.root, key), key, 2);
  }
  const notify = yaml.child(yaml.root, "notify");
  for (let at = 0, node = yaml.child(notify, at); node !== undefined; node = yaml.child(notify, ++at)) {
    places[`notify.${at}`] = yaml.span(node);
  }
  return places;
}

/** A time that is none is reported at its place. */
function checkWindows(reading: Reading, list: Node | undefined, windows: readonly string[]): readonly string[] {
  windows.forEach((window, at) => {
    if (parseWindow(window) !== undefined) return;
    report(reading, reading.yaml.span(reading.yaml.child(list, at)), {
      code: "bad-window",
      message: `\`${shorten(window)}\` is no time: a day, an hour or the zone is not one`,
      next: "write for example `mon-fri 09:00-17:00 Europe/Berlin`, or `2026-12-20..2027-01-02`",
    });
  });
  return windows;
}

function milliseconds(text: string | undefined): number | null {
  return text === undefined ? null : (parseDuration(text) ?? null);
}

function environmentsOf(reading: Reading, raw: RawSettings): readonly EnvironmentSettings[] {
  const all = reading.yaml.child(reading.yaml.root, "environments");
  const known = reading.yaml.keys(all);
  return known.flatMap((name): EnvironmentSettings[] => {
    const environment = raw.environments?.[name];
    if (environment === undefined) return [];
    const node = reading.yaml.child(all, name);
    if (environment.after !== undefined && known.indexOf(environment.after) >= known.indexOf(name)) {
      report(reading, reading.yaml.span(reading.yaml.child(node, "after")), {
        code: "environment-order",
        message: `\`${name}\` stands before \`${environment.after}\`, which it comes after`,
        next: `move \`${name}\` below \`${environment.after}\``,
      });
    }
    if (environment.after !== undefined && !known.includes(environment.after)) {
      report(reading, reading.yaml.span(reading.yaml.child(node, "after")), {
        code: "unknown-environment",
        message: `there is no environment \`${environment.after}\``,
        next: `name one of: ${known.join(", ")}`,
      });
    }
    const twin = known.slice(0, known.indexOf(name)).find((one) => one.toLowerCase() === name.toLowerCase());
    if (twin !== undefined) {
      report(reading, reading.yaml.keySpan(all, name), {
        code: "case-collision",
        message: `\`${name}\` and \`${twin}\` are one name on machines that do not tell cases apart`,
        next: `call \`${name}\` otherwise`,
      });
    }
    const { approvals } = environment;
    return [
      {
        name,
        auto: environment.auto ?? false,
        after: environment.after ?? null,
        soakMs: milliseconds(environment.soak) ?? 0,
        gates: (environment.gates ?? []).map((gate, at) => {
          const item = reading.yaml.child(reading.yaml.child(node, "gates"), at);
          const text = typeof gate === "string" ? gate : gate.expr;
          const where = typeof gate === "string" ? item : reading.yaml.child(item, "expr");
          return {
            ...conditionOf(reading, where, { kind: "gate", source: text }),
            first: typeof gate === "string" ? ("allow" as const) : (gate.first ?? "allow"),
          };
        }),
        approvals:
          approvals === undefined
            ? null
            : {
                count: approvals.count,
                teams: approvals.teams ?? [],
                users: approvals.users ?? [],
                author: approvals.author ?? false,
                expiresMs: milliseconds(approvals.expires),
              },
        deploy: environment.deploy ?? null,
        windows: checkWindows(reading, reading.yaml.child(node, "windows"), environment.windows ?? []),
        freezes: checkWindows(reading, reading.yaml.child(node, "freezes"), environment.freezes ?? []),
      },
    ];
  });
}

function policiesOf(reading: Reading, raw: RawSettings): Settings["policies"] {
  const list = reading.yaml.child(reading.yaml.root, "policies");
  return (raw.policies ?? []).map((policy, at) => {
    const kind = "deny" in policy ? "deny" : "warn";
    const source = "deny" in policy ? policy.deny : policy.warn;
    const node = reading.yaml.child(reading.yaml.child(list, at), kind);
    return { name: policy.name, kind, condition: conditionOf(reading, node, { kind: "policy", source }) };
  });
}

function conditionOf(
  reading: Reading,
  node: Node | undefined,
  condition: { readonly kind: ConditionKind; readonly source: string },
): Condition {
  const at = reading.yaml.span(node);
  const fault = checkCondition(condition.kind, condition.source);
  if (fault !== undefined) {
    report(reading, at, {
      code: "bad-condition",
      message: `this condition cannot be evaluated: ${fault.message}`,
      next:
        fault.meant === null
          ? `it may read: ${readableIn(condition.kind).join(", ")}`
          : `did you mean \`${fault.meant}\`?`,
    });
  }
  return { source: condition.source, at };
}
