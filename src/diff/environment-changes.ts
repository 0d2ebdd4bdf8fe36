import type { RunRecord, StepRecord } from "../run/run-record.ts";

/** What surrounded the steps and differs: image, lock, tools and platform, or the machine (`steps` empty). */
export interface EnvironmentChange {
  readonly name: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly steps: readonly string[];
}

/** What surrounded the steps of two runs and differs; one entry per difference with all steps that have it. */
export function environmentChanges(from: RunRecord, to: RunRecord): readonly EnvironmentChange[] {
  const before = new Map(from.steps.map((step) => [step.id, step]));
  const found = new Map<string, EnvironmentChange>();
  for (const step of to.steps) {
    const old = before.get(step.id);
    if (old === undefined) continue;
    for (const change of differences(surroundings(old), surroundings(step))) {
      const key = JSON.stringify([change.name, change.from, change.to]);
      found.set(key, { ...change, steps: [...(found.get(key)?.steps ?? []), step.name] });
    }
  }
  const machine = differences(machineOf(from), machineOf(to)).map((change) => ({ ...change, steps: [] }));
  return [...found.values(), ...machine];
}

type Surroundings = ReadonlyMap<string, string>;

const ISOLATION = "isolation";

function surroundings({ document, outcome }: StepRecord): Surroundings | undefined {
  if (document === null) return undefined;
  const { image, environment, tools, platform, accelerator } = document;
  return new Map<string, string>([
    ...Object.entries(tools).map(([tool, version]): [string, string] => [`tool ${tool}`, version]),
    ...(image === null ? [] : [["image", image] as const]),
    ...(environment === null
      ? []
      : [["environment", [environment.kind, environment.lock].filter((part) => part !== null).join(" ")] as const]),
    ["platform", platform],
    ...(accelerator === null ? [] : [["accelerator", accelerator] as const]),
    ...(outcome.kind === "succeeded" || outcome.kind === "cached" ? [[ISOLATION, outcome.isolation] as const] : []),
  ]);
}

function machineOf({ host }: RunRecord): Surroundings {
  return new Map([
    ["machine", host.platform],
    ["cores", String(host.cpus)],
    ["sluice", host.version],
  ]);
}

function differences(
  from: Surroundings | undefined,
  to: Surroundings | undefined,
): readonly Omit<EnvironmentChange, "steps">[] {
  if (from === undefined || to === undefined) return [];
  return [...new Set([...from.keys(), ...to.keys()])].sort().flatMap((name) => {
    const [old, now] = [from.get(name) ?? null, to.get(name) ?? null];
    // What did not succeed has no isolation recorded, which says nothing of how it ran.
    const unknown = name === ISOLATION && (old === null || now === null);
    return old === now || unknown ? [] : [{ name, from: old, to: now }];
  });
}
