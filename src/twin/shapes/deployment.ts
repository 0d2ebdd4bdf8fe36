import type { TwinDeployment, TwinRepository } from "../world.ts";
import { node, userShape, type Addresses } from "./user.ts";

/** A deployment as GitHub's REST API gives it. */
export function deploymentShape(
  one: TwinDeployment,
  repository: TwinRepository,
  at: Addresses,
): Record<string, unknown> {
  const api = `${at.base}/repos/${repository.fullName}`;
  return {
    url: `${api}/deployments/${one.id}`,
    id: one.id,
    node_id: node("DE", one.id),
    sha: one.sha,
    ref: one.ref,
    task: one.task,
    payload: {},
    original_environment: one.environment,
    environment: one.environment,
    description: one.description,
    creator: userShape(one.creator, at),
    created_at: one.at,
    updated_at: one.statuses.at(-1)?.at ?? one.at,
    statuses_url: `${api}/deployments/${one.id}/statuses`,
    repository_url: api,
    transient_environment: false,
    production_environment: false,
  };
}

/** What a deployment was set to. */
export function deploymentStatusShape(
  one: TwinDeployment,
  { status, repository }: { readonly status: TwinDeployment["statuses"][number]; readonly repository: TwinRepository },
  at: Addresses,
): Record<string, unknown> {
  const api = `${at.base}/repos/${repository.fullName}`;
  const page = `${at.host}/${repository.fullName}/deployments`;
  return {
    url: `${api}/deployments/${one.id}/statuses/${status.id}`,
    id: status.id,
    node_id: node("DES", status.id),
    state: status.state,
    creator: userShape(one.creator, at),
    description: status.description,
    environment: one.environment,
    target_url: page,
    created_at: status.at,
    updated_at: status.at,
    deployment_url: `${api}/deployments/${one.id}`,
    repository_url: api,
    environment_url: page,
    log_url: page,
  };
}
