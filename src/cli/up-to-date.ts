import type { Project } from "../controller/project.ts";
import type { OutputRecord } from "../key/key-document.ts";
import { safeLine } from "../report/safe-text.ts";
import { listed } from "../report/words.ts";
import type { Store } from "../store/store.ts";
import { EXIT } from "./exit.ts";
import { datasetsOf, groundOf, stands, type Fact, type Ground } from "./ground.ts";
import type { Runnable } from "./runnable.ts";
import type { Repository, World } from "./world.ts";

/** "Nothing to do", and what it rested on. */
interface Proof {
  readonly ground: Ground;
  readonly found: UpToDate;
}

/** Steps of which there is nothing to do. */
export interface UpToDate {
  readonly steps: number;
  /** Names of those that change the outside world, and of what comes after them. */
  readonly leftOut: readonly string[];
  /** The same of pipelines that releases alone run. */
  readonly released: readonly string[];
}

const PATH = "up-to-date.json";

/** The steps when the last "nothing to do" still holds; undefined when it must be found out. */
export async function provenUpToDate(
  world: World,
  repository: Repository,
  request: string,
): Promise<UpToDate | undefined> {
  const text = repository.readCache(PATH);
  const proof = text === undefined ? undefined : parse(text);
  if (proof === undefined) return undefined;
  return (await stands(world, repository, { ground: proof.ground, request })) ? proof.found : undefined;
}

function parse(text: string): Proof | undefined {
  try {
    const proof = JSON.parse(text) as Partial<Proof>;
    return proof.ground?.ground === 1 && proof.found !== undefined ? (proof as Proof) : undefined;
  } catch {
    return undefined;
  }
}

/** Says that there is nothing to do, with the exit code for it. */
export function nothingToDo(world: World, { steps, leftOut, released }: UpToDate): number {
  const without = leftOut.length + released.length;
  const rest = steps - without;
  const other = without === 0 ? "" : "other ";
  const said =
    rest === 0 && without > 0
      ? "every step is left out"
      : rest === 1
        ? `the ${other}step is up to date`
        : `all ${rest} ${other}steps are up to date`;
  world.terminal.print(
    [
      `nothing to do: ${said}\n`,
      leftOut.length > 0 ? `left out: ${listed(leftOut, 6)} (effects: \`sluice run --with-effects\`)\n` : "",
      released.length > 0 ? `left out: ${listed(released, 6)} (a release runs them)\n` : "",
    ].join(""),
  );
  return EXIT.fine;
}

/** Of pipelines of which nothing has to be computed. */
export function upToDate(runnable: readonly Runnable[]): UpToDate {
  const withheld = (deploys: boolean): readonly string[] =>
    runnable
      .filter(({ file }) => file.deploys.length > 0 === deploys)
      .flatMap(({ forecast }) => forecast.steps.filter(({ verdict }) => verdict.kind === "withheld"))
      .map(({ step }) => safeLine(step, 40));
  return {
    steps: runnable.reduce((sum, one) => sum + one.order.steps.length, 0),
    leftOut: withheld(false),
    released: withheld(true),
  };
}

/** Keeps what "nothing to do" rested on; nothing is kept where any of it cannot be named. */
export async function proveUpToDate(
  world: World,
  repository: Repository,
  found: {
    readonly project: Project;
    readonly store: Store;
    readonly runnable: readonly Runnable[];
    readonly request: string;
  },
): Promise<void> {
  const { project, runnable, store, request } = found;
  const outputs: Fact[] = [];
  for (const output of outputsOf(runnable)) {
    const files = await filesOf(store, output);
    if (files === undefined) return;
    outputs.push(...files);
  }
  const ground = await groundOf(world, repository, {
    project,
    sources: runnable.flatMap((one) => one.resolution.sources),
    outputs,
    datasets: runnable.flatMap(datasetsOf),
    request,
  });
  if (ground === undefined) return;
  const proof: Proof = { ground, found: upToDate(runnable) };
  repository.writeCache(PATH, JSON.stringify(proof));
}

function outputsOf(runnable: readonly Runnable[]): readonly OutputRecord[] {
  return runnable.flatMap((one) =>
    one.forecast.steps.flatMap(({ verdict }) => (verdict.kind === "cached" ? verdict.result.facts.outputs : [])),
  );
}

async function filesOf(store: Store, output: OutputRecord): Promise<readonly Fact[] | undefined> {
  if (output.kind !== "directory") return [[output.path, output.digest, output.kind === "executable"]];
  const listing = await store.listing(output.digest);
  // A link has no digest of a file to be proven by.
  if (listing?.some((entry) => "link" in entry) === true) return undefined;
  return listing?.flatMap((entry): Fact[] =>
    "link" in entry ? [] : [[`${output.path}/${entry.path}`, entry.digest, entry.x]],
  );
}

/** What was asked for, as far as it changes the answer. */
export function requestOf(names: readonly string[], checkout: boolean): string {
  return JSON.stringify([names, checkout]);
}
