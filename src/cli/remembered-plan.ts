import type { PlannedPipeline, Project } from "../controller/project.ts";
import type { CommitSha } from "../identity/identity.ts";
import { LOCAL_LEDGER } from "../manifest/ledger-paths.ts";
import type { Settings } from "../pipeline/settings.ts";
import { datasetsOf, groundOf, stands, type Ground } from "./ground.ts";
import type { Repository, World } from "./world.ts";

/** How steps would be kept apart, as far as a plan says it. */
export interface Keeping {
  readonly isolation?: "workspace" | "sandbox" | "container";
  readonly memory?: string;
}

/** The last plan without a problem: its text, and what it rested on beside the files. */
interface Remembered {
  readonly ground: Ground;
  /** The ledger that causes and times came from. */
  readonly ledger: CommitSha | null;
  /** What was asked of this machine; null where the plan says nothing of it. */
  readonly keeping: { readonly sandbox: Settings["sandbox"]; readonly memory: boolean; readonly found: Keeping } | null;
  /** True when something would run. */
  readonly work: boolean;
  readonly text: string;
}

const PATH = "plan.json";

/** The last plan when it would come out the same; undefined when it must be made. */
export async function rememberedPlan(
  world: World,
  repository: Repository,
  names: readonly string[],
): Promise<Pick<Remembered, "text" | "work"> | undefined> {
  const json = repository.readCache(PATH);
  const plan = json === undefined ? undefined : parse(json);
  if (plan === undefined) return undefined;
  const request = requestOf(world, repository, names);
  if (!(await stands(world, repository, { ground: plan.ground, request }))) return undefined;
  if (((await repository.git.resolve(LOCAL_LEDGER)) ?? null) !== plan.ledger) return undefined;
  const { keeping } = plan;
  if (keeping === null) return plan;
  const found = await keepingHere(repository, keeping);
  return JSON.stringify(found) === JSON.stringify(keeping.found) ? plan : undefined;
}

function parse(json: string): Remembered | undefined {
  try {
    const plan = JSON.parse(json) as Partial<Remembered>;
    return plan.ground?.ground === 1 ? (plan as Remembered) : undefined;
  } catch {
    return undefined;
  }
}

/** How steps would be kept apart here; bubblewrap is tried by starting it. */
export async function keepingHere(
  repository: Repository,
  { sandbox, memory }: { readonly sandbox: Settings["sandbox"]; readonly memory: boolean },
): Promise<Keeping> {
  const here = await repository.isolation({ sandbox });
  if (here.kind === "refused") return {};
  const why = memory ? await repository.unlimitedMemory() : null;
  return { isolation: here.isolation, ...(why === null ? {} : { memory: why }) };
}

/** Keeps a plan that had no problem, with everything that it rested on. */
export async function rememberPlan(
  world: World,
  repository: Repository,
  made: {
    readonly project: Project;
    readonly planned: readonly PlannedPipeline[];
    readonly names: readonly string[];
  } & Omit<Remembered, "ground" | "ledger">,
): Promise<void> {
  const { project, planned, names, keeping, work, text } = made;
  const ledger = (await repository.git.resolve(LOCAL_LEDGER)) ?? null;
  const ground = await groundOf(world, repository, {
    project,
    sources: planned.flatMap((one) => one.resolution.sources),
    outputs: [],
    datasets: planned.flatMap(datasetsOf),
    request: requestOf(world, repository, names),
  });
  if (ground === undefined) return;
  const remembered: Remembered = { ground, ledger, keeping, work, text };
  repository.writeCache(PATH, JSON.stringify(remembered));
}

function requestOf({ terminal }: World, { machine }: Repository, names: readonly string[]): string {
  return JSON.stringify([names, terminal.color, machine.cpus]);
}
