import { commandRelease, type Commanded } from "./controller/release-command.ts";
import { parseRunId, type Digest } from "./identity/identity.ts";
import type { Person } from "./identity/repository.ts";
import type { ForgeRepository } from "./main-forge-repository.ts";
import { leave, newestRuns, orderOf } from "./main-promotion-hand.ts";
import { placeOf, record, statesOf, type Place } from "./main-promotion-place.ts";
import type { Service } from "./main-service.ts";
import { mayDo, requirementOf } from "./policy/permission.ts";
import type { ReleaseCommand } from "./trigger/command.ts";
import { standingOf, type EnvironmentState } from "./release/environment-state.ts";

export interface AskedRelease {
  readonly sender: Person;
  readonly comment: number;
  readonly pullRequest: number;
}

/** A command about releases, done against the default branch and the ledger as they are now. */
export async function releaseCommand(
  { service, repository }: { readonly service: Service; readonly repository: ForgeRepository },
  asked: AskedRelease,
  command: ReleaseCommand,
): Promise<Commanded> {
  const place = await placeOf(service, repository);
  if (place === undefined)
    return {
      kind: "refused",
      why: "`sluice.yaml` on the default branch has no environments, or it cannot be read now",
    };
  const states = await statesOf(place);
  const { settings } = place.project;
  const { forge, history } = repository;
  const { login } = asked.sender;
  return commandRelease(
    {
      environments: settings.environments,
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
      shown: (environment, pipeline) => shownTo(place, { environment, pipeline, states }),
      runOf: (text) => parseRunId(text) ?? only(history.byPrefix(text)),
      record: (events) => record(place, events),
    },
    { ...asked, at: new Date(place.now).toISOString() },
    command,
  );
}

function only<Value>(all: readonly Value[]): Value | undefined {
  return all.length === 1 ? all[0] : undefined;
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
  if (order === undefined || pull.kind !== "ok" || pull.value.state !== "open") return undefined;
  // The page names the evidence that it shows.
  return pull.value.body.includes(order.evidence.slice(0, 19)) ? order.evidence : undefined;
}
