import { readdirSync, readFileSync } from "node:fs";

/** How long each step of the pipelines sleeps: this is how its process is told from others. */
export const STEP_SECONDS = { prepare: "1.1", side: "1.2", train: "1.4", report: "1.05" } as const;

export type StepName = keyof typeof STEP_SECONDS;

/** A computation as it is named by step and parameter: what has one key in every pipeline. */
export function computation(step: string, value: number): string {
  return `${step}(${value})`;
}

const SCRIPT = (salt: string): string => `sleep "$1" "0.00000$SLUICE_PARAM_VALUE" "0.0000${salt}"
echo "$2 of $SLUICE_PARAM_VALUE" > "$2.txt"
`;

const step = (name: StepName, inputs: readonly string[]): string =>
  `  ${name}: { run: sh step.sh ${STEP_SECONDS[name]} ${name}, inputs: [${["step.sh", ...inputs].join(", ")}], params: [value], outputs: [${name}.txt] }\n`;

const PIPELINE = (name: string): string =>
  `version: 1\nname: ${name}\nparams: params-${name}.yaml\nsteps:\n${step("prepare", [])}${step("side", [])}${step("train", ["prepare.txt"])}${step("report", ["train.txt", "side.txt"])}`;

/** Pipelines of the same four steps: with the same parameter they need the same results. */
export const PIPELINES = ["p0", "p1", "p2"] as const;

export type PipelineName = (typeof PIPELINES)[number];

export function paramsFile(pipeline: PipelineName, value: number): Readonly<Record<string, string>> {
  return { [`params-${pipeline}.yaml`]: `value: ${value}\n` };
}

/** `salt`: digits that tell this town's steps from those of others on the machine. */
export function repositoryFiles(salt: string): Readonly<Record<string, string>> {
  return {
    "README.md": "chaos\n",
    "step.sh": SCRIPT(salt),
    ...Object.assign(
      {},
      ...PIPELINES.map((name) => ({ [`pipelines/${name}.yaml`]: PIPELINE(name), ...paramsFile(name, 1) })),
    ),
  };
}

export interface StepWatch extends Disposable {
  /** Processes of steps that are alive now. */
  alive(): readonly number[];
  /** Processes that were ever seen, by what they compute. */
  seen(): ReadonlyMap<string, number>;
}

const LOOK_MS = 200;

/** Sees every step that lives longer than a look, whoever started it and whatever is recorded of it. */
export function watchSteps(salt: string): StepWatch {
  const seen = new Map<string, Set<string>>();
  const look = (): readonly number[] =>
    readdirSync("/proc").flatMap((name) => {
      const found = /^\d+$/.test(name) ? stepOf(name, salt) : undefined;
      if (found === undefined) return [];
      seen.set(found.computes, (seen.get(found.computes) ?? new Set()).add(found.life));
      return [Number(name)];
    });
  const timer = setInterval(look, LOOK_MS);
  return {
    alive: look,
    seen: () => new Map([...seen].map(([what, lives]) => [what, lives.size])),
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

function stepOf(pid: string, salt: string): { readonly computes: string; readonly life: string } | undefined {
  try {
    const [program, seconds, value, mark] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    if (program !== "sleep" || mark !== `0.0000${salt}`) return undefined;
    const step = Object.entries(STEP_SECONDS).find(([, one]) => one === seconds)?.[0];
    if (step === undefined) return undefined;
    // Process numbers are used again: its start in ticks tells one life from the next.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
    const number = Number((value ?? "").slice("0.00000".length));
    return { computes: computation(step, number), life: `${pid} ${ticks}` };
  } catch {
    return undefined;
  }
}
