import type { Answer } from "../../forge/forge.ts";
import { isNotNow } from "../../forge/looked.ts";
import type { Digest, RunId } from "../../identity/identity.ts";
import type { Person } from "../../identity/repository.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { EnvironmentSettings } from "../../pipeline/settings.ts";
import type { Deed, Leave } from "../../policy/permission.ts";
import type { Wait } from "../../release/decide.ts";
import { standingOf, type EnvironmentState, type Standing } from "../../release/environment-state.ts";
import type { ReleaseEvent } from "../../release/release-event.ts";

export interface ReleaseCommandPorts {
  readonly environments: readonly EnvironmentSettings[];
  /** Pipelines of the default branch that can be released. */
  readonly pipelines: readonly Pick<Pipeline, "id" | "was">[];
  readonly states: ReadonlyMap<string, EnvironmentState>;
  /** Whether somebody may do something at this moment. */
  readonly leave: (deed: Deed, command: string) => Promise<Answer<Leave>>;
  /** Whether somebody may approve in an environment at this moment. */
  readonly mayApprove: (environment: EnvironmentSettings) => Promise<Answer<boolean>>;
  /** The newest run of each pipeline that could be promoted. */
  readonly candidates: () => Promise<readonly Candidate[]>;
  /** What the open promotion of a pipeline shows now; undefined: it shows nothing that could be agreed to. */
  readonly shown: (environment: EnvironmentSettings, pipeline: string) => Promise<Digest | undefined>;
  /** A run that a person names, and the pipeline that it may be promoted for. */
  readonly candidate: (run: RunId) => Promise<NamedCandidate>;
  /** What stands against releasing a run at this moment, or why nobody could release it. */
  readonly judged: (environment: EnvironmentSettings, candidate: Candidate) => Promise<Judged>;
  /** The newest run of a pipeline, whatever became of it. */
  readonly newest: (pipeline: string) => RunId | undefined;
  /** Puts back what Sluice wrote, where people changed an open promotion by hand. */
  readonly restore: (environment: string, pipeline: string) => Promise<Answer<null>>;
  /** A run by what a person calls it. */
  readonly runOf: (text: string) => Promise<NamedRun>;
  readonly record: (events: readonly ReleaseEvent[]) => Promise<void>;
}

export interface ReleaseAsking {
  readonly sender: Person;
  readonly comment: number;
  readonly pullRequest: number;
  /** RFC 3339 UTC. */
  readonly at: string;
}

export type Commanded =
  | { readonly kind: "done" }
  | { readonly kind: "refused"; readonly why: string }
  /** The forge cannot be asked now. */
  | { readonly kind: "again"; readonly afterMs: number };

export interface Candidate {
  readonly pipeline: string;
  readonly run: RunId;
}

export type Judged =
  | {
      readonly kind: "judged";
      readonly waits: readonly Wait[];
      readonly evidence: Digest;
    }
  | { readonly kind: "refused"; readonly why: string };

/** A run that somebody named: what it would release, or why it releases nothing. */
export type NamedCandidate =
  | (Candidate & { readonly kind: "found" })
  | { readonly kind: "refused"; readonly why: string; readonly next: string };

export interface Wanted {
  readonly environment: EnvironmentSettings;
  readonly pipeline: string | null;
}

export type Fact = Pick<ReleaseEvent, "kind" | "environment" | "pipeline"> & Partial<ReleaseEvent>;

export async function record(
  ports: ReleaseCommandPorts,
  asking: ReleaseAsking,
  facts: readonly Fact[],
): Promise<Commanded> {
  await ports.record(
    facts.map((fact): ReleaseEvent => ({
      run: null,
      evidence: null,
      by: { id: asking.sender.id, login: asking.sender.login },
      cause: `comment:${asking.comment}`,
      at: asking.at,
      reason: null,
      pullRequest: null,
      deployment: null,
      revokes: null,
      ...fact,
    })),
  );
  return { kind: "done" };
}

export async function guarded(
  ports: ReleaseCommandPorts,
  { deed, command }: { readonly deed: Deed; readonly command: string },
  act: () => Promise<Commanded>,
): Promise<Commanded> {
  const leave = await ports.leave(deed, command);
  if (isNotNow(leave)) return { kind: "again", afterMs: 5_000 };
  if (leave.kind !== "ok") return refused("the forge does not say what you may do here");
  return leave.value.kind === "granted" ? act() : refused(`${leave.value.why}: ${leave.value.next}`);
}

export function standing({ states }: ReleaseCommandPorts, { name }: EnvironmentSettings, pipeline: string): Standing {
  return standingOf(states.get(name), pipeline);
}

export function refused(why: string): Extract<Commanded, { kind: "refused" }> {
  return { kind: "refused", why };
}

/** The run that a person means, or why it is none: a sentence in which backticks mark code. */
export type NamedRun =
  | { readonly kind: "found"; readonly id: RunId }
  | { readonly kind: "refused"; readonly why: string };
