import type { EnvironmentSettings } from "../pipeline/settings.ts";
import { decidePromotion, type Decision } from "./decide.ts";
import {
  standingOf,
  type EnvironmentState,
  type Hold,
  type Live,
  type Request,
  type Standing,
} from "./environment-state.ts";
import type { GateOutcome } from "./evidence.ts";
import type { Actor, DeployEnd } from "./release-event.ts";

/** An environment as somebody sees it who has nothing but the ledger and the settings. */
export interface EnvironmentOverview {
  readonly environment: string;
  readonly freeze: Hold | null;
  /** Those that are, or are asked to be, in it. */
  readonly pipelines: readonly PipelineOverview[];
}

export interface PipelineOverview {
  readonly pipeline: string;
  readonly live: Live | null;
  /** Environments that wait for its time here, and from when on (RFC 3339) it has been long enough. */
  readonly soaks: readonly { readonly environment: string; readonly until: string }[];
  readonly hold: Hold | null;
  readonly deployed: DeployEnd | null;
  readonly request: AskedOverview | null;
}

/** What was asked for, and what it waits for. */
export interface AskedOverview extends Pick<Request, "run" | "by" | "at" | "pullRequest"> {
  readonly approvedBy: readonly Actor[];
  readonly missing: number;
  readonly waits: Decision["waits"];
}

export interface Overlooked {
  /** In order of promotion. */
  readonly environments: readonly EnvironmentSettings[];
  readonly states: ReadonlyMap<string, EnvironmentState>;
  /** How the gates of its environment judge what is asked for. */
  readonly gates: (standing: Standing) => readonly GateOutcome[];
  /** Ms since 1970. */
  readonly now: number;
}

/** Every declared environment, and others that the ledger knows of after them. */
export function overviewOf(all: Overlooked): readonly EnvironmentOverview[] {
  const declared = all.environments.map((environment) => overviewIn(all, environment));
  const others = [...all.states].flatMap(([name, state]) =>
    state.pipelines.size === 0 || all.environments.some((one) => one.name === name)
      ? []
      : [overviewIn(all, { name, ...UNDECLARED })],
  );
  return [...declared, ...others];
}

const UNDECLARED: Omit<EnvironmentSettings, "name"> = {
  auto: false,
  after: null,
  soakMs: 0,
  gates: [],
  approvals: null,
  deploy: null,
  windows: [],
  freezes: [],
};

function overviewIn(all: Overlooked, environment: EnvironmentSettings): EnvironmentOverview {
  const state = all.states.get(environment.name);
  const waiting = all.environments.filter(({ after, soakMs }) => after === environment.name && soakMs > 0);
  return {
    environment: environment.name,
    freeze: state?.freeze ?? null,
    pipelines: [...(state?.pipelines ?? [])].flatMap(([pipeline, standing]) => {
      const { live, hold, request, deployed } = standing;
      if (live === null && hold === null && request === null) return [];
      return [
        {
          pipeline,
          live,
          soaks: live === null ? [] : waiting.map((one) => soakOf(one, live)),
          hold,
          deployed,
          request: request === null ? null : asked(all, { environment, pipeline, standing, request }),
        },
      ];
    }),
  };
}

function soakOf({ name, soakMs }: EnvironmentSettings, { since }: Live): PipelineOverview["soaks"][number] {
  return { environment: name, until: new Date(Date.parse(since) + soakMs).toISOString() };
}

/**
 * The ledger holds approvals only while they count, so that they are taken as they stand; the service asks the forge
 * again before it acts.
 */
function asked(
  all: Overlooked,
  of: {
    readonly environment: EnvironmentSettings;
    readonly pipeline: string;
    readonly standing: Standing;
    readonly request: Request;
  },
): AskedOverview {
  const { environment, pipeline, standing, request } = of;
  const before = all.environments.find(({ name }) => name === environment.after);
  const decision = decidePromotion({
    environment,
    state: all.states.get(environment.name),
    standing,
    upstream:
      before === undefined
        ? undefined
        : { standing: standingOf(all.states.get(before.name), pipeline), deploys: before.deploy !== null },
    run: request.run,
    evidence: null,
    gates: all.gates(standing),
    voters: request.approvals.map((approval) => ({
      approval: { ...approval, evidence: null },
      allowed: true,
      bot: false,
    })),
    authors: [],
    now: all.now,
  });
  const { run, by, at, pullRequest } = request;
  return {
    run,
    by,
    at,
    pullRequest,
    approvedBy: decision.approvedBy,
    missing: decision.missing,
    waits: decision.waits,
  };
}
