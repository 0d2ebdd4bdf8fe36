import type { Commanded, Judged, NamedCandidate } from "../../controller/release-command/asking.ts";
import { findRun } from "../../controller/find-run.ts";
import { commandRelease } from "../../controller/release-command/release-command.ts";
import type { Digest, RunId } from "../../identity/identity.ts";
import type { Person } from "../../identity/repository.ts";
import { SETTINGS_PATH } from "../../controller/project.ts";
import type { ForgeRepository } from "../serve/forge-repository.ts";
import { planDeployment } from "./deployments.ts";
import { leave, newestRuns, orderOf, refusalOf } from "./promotion-hand.ts";
import { placeOf, type Place } from "./promotion-place.ts";
import { record } from "./record-releases.ts";
import { restorePromotion } from "./restore.ts";
import type { Service } from "../serve/parts.ts";
import { isError } from "../../problem/problem.ts";
import type { EnvironmentSettings } from "../../pipeline/settings.ts";
import { decidePromotion } from "../../release/decide.ts";
import { mayDo, requirementOf } from "../../policy/permission.ts";
import type { ReleaseCommand } from "../../trigger/command.ts";
import { standingOf, type EnvironmentState } from "../../release/environment-state.ts";
import { renamesOf } from "../../release/renames.ts";

export interface AskedRelease {
  readonly sender: Person;
  readonly comment: number;
  readonly pullRequest: number;
  /** Aborted when another process may have begun to change these environments. */
  readonly lost: AbortSignal;
}

/** A command about releases, done against the default branch and the ledger as they are now. */
export async function releaseCommand(
  { service, repository }: { readonly service: Service; readonly repository: ForgeRepository },
  asked: AskedRelease,
  command: ReleaseCommand,
): Promise<Commanded> {
  const placed = await placeOf(service, repository, asked.lost);
  if (placed.kind === "later") return { kind: "again", afterMs: 5_000 };
  if (placed.kind === "none")
    return { kind: "refused", why: "`sluice.yaml` on the default branch has no environments" };
  const { place } = placed;
  if (place.project.problems.some((problem) => problem.at.path === SETTINGS_PATH && isError(problem)))
    return { kind: "refused", why: "`sluice.yaml` on the default branch has problems: mend them first" };
  const states = await place.repository.releases.states();
  const { settings } = place.project;
  const { forge, history } = repository;
  const { login } = asked.sender;
  return commandRelease(
    {
      environments: settings.environments,
      pipelines: releasable(place).map(({ pipeline }) => pipeline),
      states,
      async leave(deed, text) {
        const needed = requirementOf(settings.permissions, deed);
        const role = await forge.permission(login);
        if (role.kind !== "ok") return role;
        const member = needed.kind === "team" ? await forge.teamMember(needed.team, login) : null;
        if (member !== null && member.kind !== "ok") return member;
        const standing = { role: role.value, member: member?.value ?? false };
        return { kind: "ok", value: mayDo(settings.permissions, { deed, command: text }, standing) };
      },
      mayApprove: ({ approvals }) => leave(place, "approve", approvals).asks(login),
      candidates: () => newestRuns(place),
      candidate: (run) => candidateOf(place, run),
      restore: (environment, pipeline) => restorePromotion(place, { environment, pipeline }),
      shown: (environment, pipeline) => shownTo(place, { environment, pipeline, states }),
      runOf: (text) => findRun(place.repository, text),
      judged: (environment, candidate) => judgedAt(place, { environment, ...candidate, states, by: asked.sender }),
      newest: (pipeline) => history.runs({ pipeline, limit: 1 })[0]?.id,
      record: (events) => record(place, events),
    },
    { ...asked, at: new Date(place.now).toISOString() },
    command,
  );
}

/** Everything that stands against a release now; what cannot be deployed is released by nobody. */
async function judgedAt(
  place: Place,
  of: {
    readonly environment: EnvironmentSettings;
    readonly pipeline: string;
    readonly run: RunId;
    readonly states: ReadonlyMap<string, EnvironmentState>;
    readonly by: Person;
  },
): Promise<Judged> {
  const { environment, pipeline, run, states, by } = of;
  const plan = environment.deploy === null ? null : await planDeployment(place, environment, run);
  if (plan !== null && "refused" in plan) return { kind: "refused", why: `it could not be deployed: ${plan.refused}` };
  const { request: open } = standingOf(states.get(environment.name), pipeline);
  const fresh = {
    run,
    by: { id: by.id, login: by.login },
    at: "",
    pullRequest: null,
    cause: "",
    approvals: [],
    objections: [],
  };
  const request = open?.run === run ? open : fresh;
  const ordered = await orderOf(place, { environment, pipeline, request, folded: states });
  if (ordered.kind === "not-found") return { kind: "refused", why: "its manifest cannot be read" };
  if (ordered.kind !== "ok")
    return { kind: "refused", why: `the forge does not say who its authors are: ${ordered.why}` };
  const { value: order } = ordered;
  const voters = request.approvals.map((approval) => ({ approval, allowed: true, bot: false }));
  return {
    kind: "judged",
    waits: decidePromotion({ ...order, run, voters }).waits,
    evidence: order.evidence,
  };
}

/** What a run gives to promote, or why it gives nothing. */
async function candidateOf(place: Place, id: RunId): Promise<NamedCandidate> {
  const run = await place.runs.run(id);
  if (run === undefined)
    return place.repository.history.byPrefix(id).length > 0
      ? { kind: "refused", why: "its manifest on the ledger cannot be read", next: "sluice verify" }
      : { kind: "refused", why: "the ledger does not have it", next: "sluice log" };
  const refusal = await refusalOf(place, run);
  if (refusal !== null) return { kind: "refused", ...refusal };
  const now = renamesOf(place.project.pipelines.map(({ pipeline }) => pipeline)).get(run.pipeline.id);
  const file = place.project.pipelines.find(({ pipeline }) => pipeline.id === (now ?? run.pipeline.id));
  if (file === undefined)
    return { kind: "refused", why: "its pipeline is not on the default branch any more", next: "promote another" };
  if (file.deploys.length > 0) return { kind: "refused", why: "it deployed a release", next: "promote that release" };
  return { kind: "found", pipeline: file.pipeline.id, run: id };
}

function releasable({ project }: Place): Place["project"]["pipelines"] {
  return project.pipelines.filter(({ deploys }) => deploys.length === 0);
}

/** The evidence that an open promotion shows, if it is what would be agreed to now. */
async function shownTo(
  place: Place,
  of: {
    readonly environment: Parameters<typeof orderOf>[1]["environment"];
    readonly pipeline: string;
    readonly states: ReadonlyMap<string, EnvironmentState>;
  },
): Promise<Digest | undefined> {
  const { request } = standingOf(of.states.get(of.environment.name), of.pipeline);
  if (request === null || request.pullRequest === null) return undefined;
  const order = await orderOf(place, { ...of, request, folded: of.states });
  const pull = await place.repository.forge.pullRequest(request.pullRequest);
  if (order.kind !== "ok" || pull.kind !== "ok" || pull.value.state !== "open") return undefined;
  const { evidence } = order.value;
  // The page names the evidence that it shows.
  return pull.value.body.includes(evidence.slice(0, 19)) ? evidence : undefined;
}
