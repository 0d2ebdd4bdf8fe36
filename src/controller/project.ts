import type { JsonObject } from "../identity/canonical-json.ts";
import type { PullRequest } from "../forge/forge.ts";
import type { CommitSha, Digest, Domain, RunId } from "../identity/identity.ts";
import type { RunOrder } from "../run/request.ts";
import type { FileFacts, View } from "../git/view.ts";
import type { Narrowed } from "../pipeline/narrow.ts";
import type { Source } from "../pipeline/parsed.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { DatasetState, Resolution } from "../pipeline/resolution.ts";
import type { Settings } from "../pipeline/settings.ts";
import type { Tree } from "../pipeline/tree.ts";
import type { Facts, Forecast, WorkOrder } from "../plan/plan.ts";
import { isError, type Problem } from "../problem/problem.ts";

export const SETTINGS_PATH = "sluice.yaml";

export interface PipelineFile {
  readonly path: string;
  readonly pipeline: Pipeline;
  /** Merged from all its sources, before overrides. */
  readonly params: JsonObject;
  /** Parameter files as read, by path: steps get them reduced to what they declare. */
  readonly parameterFiles: readonly Source[];
  /** Environments whose `deploy:` names it: nothing else starts it, and what its steps do is done to them. */
  readonly deploys: readonly string[];
}

/** What people wrote, parsed: the settings and every pipeline of one state of the repository. */
export interface Project {
  readonly view: View;
  readonly settings: Settings;
  readonly pipelines: readonly PipelineFile[];
  readonly tree: Tree;
  /** Mistakes in settings, pipelines and parameter files. */
  readonly problems: readonly Problem[];
  /** Paths of pipeline files that have errors and are therefore missing from `pipelines`. */
  readonly broken: readonly string[];
}

/** A pipeline with its work order and forecast, or the problems that keep it from having them. */
export interface PlannedPipeline {
  readonly file: PipelineFile;
  readonly params: JsonObject;
  readonly resolution: Resolution;
  readonly problems: readonly Problem[];
  readonly facts: Facts;
  readonly sources: ReadonlyMap<string, FileFacts>;
  readonly datasets: ReadonlyMap<string, DatasetState>;
  readonly order: WorkOrder | null;
  /** Null also where nobody wanted one (`judged` of `PlanAt`). */
  readonly forecast: Forecast | null;
}

/** A project with the plans of all its pipelines. */
export interface PlannedCommit {
  readonly project: Project;
  readonly planned: readonly PlannedPipeline[];
}

/**
 * Reads and plans one commit, or a tree that stands in its place; causes are told against another plan where one is
 * given, else against the ledger. Composed of reading and planning where ports and adapters meet.
 */
export type PlanAt = (order: {
  readonly commit: CommitSha;
  readonly tree: CommitSha | null;
  readonly domain: Domain;
  readonly against: PlannedCommit | null;
  /** Which work orders get a forecast, which takes most of a plan's time; all of them where nothing is said. */
  readonly judged?: (order: WorkOrder) => boolean;
  /** Where a fork's steps would run: judged by what was made there, while digests stay those of the pools they ask for. */
  readonly forkPool?: string | null;
  /** One pipeline alone, as an order has it; without it all of them, as they stand. */
  readonly as?: PlanAs;
}) => Promise<PlannedCommit>;

/** What of a pipeline's plan its order decides; without pins the newest outputs of other pipelines are taken. */
export type PlanAs = Pick<RunOrder, "pipeline" | "forced" | "overrides"> & {
  readonly pins: RunOrder["pins"] | null;
  /** The run whose artifacts a deploy pipeline gets; without it nothing is deployed. */
  readonly released?: RunId | null;
  /** The one pool on which what a fork brings is executed; null: steps run where they ask to. */
  readonly pool?: string | null;
};

/** Why the settings of a commit cannot be read; while they cannot, they neither grant nor forbid anything. */
export function settingsErrors({ problems }: Pick<Project, "problems">): readonly Problem[] {
  return problems.filter((problem) => problem.at.path === SETTINGS_PATH && isError(problem));
}

/** Code of the problem that a pull request does not merge: nothing of it is run. */
export const CONFLICT = "merge-conflict";
/** Code of the problem that the rules by which a change is judged cannot be read. */
export const UNREADABLE = "unreadable-rules";

/** Whether a push to another branch may mend what stops a change: then it is looked at again. */
export function mayMendItself({ problems }: Pick<MergePlan, "problems">): boolean {
  return problems.some(({ code }) => code === CONFLICT || code === UNREADABLE);
}

/** Checks by their names on the forge. */
export const PLAN_CHECK = "sluice / plan";
export const RUN_CHECK = "sluice / run";
/** A pull request with this label starts nothing by itself, and its merge is recorded as skipped. */
export const SKIP_LABEL = "sluice:skip-run";

/** Outputs of other pipelines that a plan rests on, as its order pins them. */
export function pinsOf(datasets: PlannedPipeline["datasets"]): RunOrder["pins"] {
  return Object.fromEntries(
    [...datasets].flatMap(([name, state]) => {
      if (state.kind !== "ready" || state.from === undefined) return [];
      return [[name, { ...state.from, digest: state.digest, size: state.size }]];
    }),
  );
}

/** The pull request whose merge a commit is, and what became of what was reviewed there. */
export interface Merge {
  readonly number: number;
  readonly labels: readonly string[];
  readonly review: Review;
}

export type Review =
  | { readonly kind: "same" }
  /** No plan of its head was ever reported. */
  | { readonly kind: "not-reviewed" }
  /** The merge runs otherwise than what was reviewed: pipelines with the steps that differ. */
  | {
      readonly kind: "diverged";
      readonly moved: readonly { readonly pipeline: string; readonly steps: readonly string[] }[];
    };

/** The rules that the `sluice.yaml` of a commit makes, within what the operator allows. */
export type RulesAt = (commit: CommitSha) => Promise<Narrowed>;

/** What merging a pull request would run, and why. */
export interface PullRequestPlan extends MergePlan {
  readonly pullRequest: PullRequest;
  /** Commit of the default branch whose settings judge it. */
  readonly ruling: CommitSha;
  /** Refs of the remote as they were when it was looked at. */
  readonly refs: ReadonlyMap<string, CommitSha>;
}

export type PlannedPullRequest =
  | { readonly kind: "planned"; readonly plan: PullRequestPlan }
  /** Closed, merged or gone: there is nothing to say any more. */
  | { readonly kind: "over" }
  | { readonly kind: "again"; readonly afterMs: number; readonly why: string };

export type PlannedGroup =
  | { readonly kind: "planned"; readonly plan: MergePlan }
  | Extract<PlannedPullRequest, { kind: "over" | "again" }>;

/** What a merge would run, and why. */
export interface MergePlan {
  readonly head: CommitSha;
  /** The commit that the change is judged against. */
  readonly base: CommitSha;
  /** Tip of the base branch by now. */
  readonly onto: CommitSha;
  /** True where the base moved in paths that the plan reads, and the test merge was planned instead of the head. */
  readonly testMerge: boolean;
  readonly planned: PlannedCommit;
  /** Pipelines that the change affects, broken ones included. */
  readonly affected: readonly PlannedPipeline[];
  readonly unchanged: readonly string[];
  /** Names of pipelines that the change takes away. */
  readonly removed: readonly string[];
  /** Mistakes that the base does not have. */
  readonly problems: readonly Problem[];
  /** Over the work orders of all affected pipelines: what was reviewed. */
  readonly digest: Digest;
  readonly domain: Domain;
  /** Of the default branch: these decide. */
  readonly rules: Narrowed;
  /** Of the change itself, null where it leaves them alone: shown, and deciding nothing. */
  readonly proposed: Narrowed | null;
  /** Whether its merge changes the rules: not where it goes to another branch than they are read from. */
  readonly changesRules: boolean;
}
