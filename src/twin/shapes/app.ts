import type { User } from "../world.ts";
import { node, userShape, type Addresses } from "./user.ts";

/** What the App is installed with; `app.yml` asks for the same. */
export const PERMISSIONS = {
  metadata: "read",
  members: "read",
  merge_queues: "write",
  contents: "write",
  pull_requests: "write",
  checks: "write",
  issues: "write",
  deployments: "write",
} as const;

const EVENTS = [
  "check_run",
  "check_suite",
  "issue_comment",
  "merge_group",
  "pull_request",
  "pull_request_review",
  "push",
  "repository",
] as const;

/** When the App was made: before everything else. */
const MADE = "2026-01-01T00:00:00Z";

export function appShape(at: Addresses): Record<string, unknown> {
  const { appId, slug, host } = at;
  return {
    id: appId,
    slug,
    node_id: node("A", appId),
    client_id: `Iv1.${appId}`,
    owner: userShape({ id: 1, login: "sluice", type: "Organization" }, at),
    name: slug,
    description: null,
    external_url: host,
    html_url: `${host}/apps/${slug}`,
    created_at: MADE,
    updated_at: MADE,
    permissions: PERMISSIONS,
    events: EVENTS,
  };
}

/** The App in one account, which names the installation here. */
export function installationShape(account: User, at: Addresses): Record<string, unknown> {
  const url = `${at.base}/app/installations/${account.id}`;
  return {
    id: account.id,
    node_id: node("IN", account.id),
    account: userShape(account, at),
    app_id: at.appId,
    app_slug: at.slug,
    client_id: `Iv1.${at.appId}`,
    target_id: account.id,
    target_type: account.type,
    repository_selection: "all",
    access_tokens_url: `${url}/access_tokens`,
    repositories_url: `${at.base}/installation/repositories`,
    html_url: `${at.host}/settings/installations/${account.id}`,
    single_file_name: null,
    permissions: PERMISSIONS,
    events: EVENTS,
    created_at: MADE,
    updated_at: MADE,
    suspended_by: null,
    suspended_at: null,
  };
}
