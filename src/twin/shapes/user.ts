import type { User } from "../world.ts";

/** Where the forge and its App are, as API and payloads name them. */
export interface Addresses {
  /** Of the API, `http://…/api/v3`. */
  readonly base: string;
  /** Of the pages. */
  readonly host: string;
  readonly slug: string;
  readonly appId: number;
}

export function node(kind: string, id: number): string {
  return Buffer.from(`${kind}:${id}`).toString("base64url");
}

/** An account as GitHub shows it to everybody on a page of its own. */
export function accountShape(user: User, at: Addresses): Record<string, unknown> {
  const words = { name: null, company: null, blog: null, location: null, email: null, hireable: null, bio: null };
  const counts = { public_repos: 0, public_gists: 0, followers: 0, following: 0 };
  return { ...userShape(user, at), ...words, ...counts, created_at: MADE, updated_at: MADE };
}

const MADE = "2026-01-01T00:00:00Z";

/** An account as GitHub's REST API and webhooks give it; `[bot]` in a login is escaped in addresses. */
export function userShape(user: User, { base, host }: Addresses): Record<string, unknown> {
  const login = encodeURIComponent(user.login);
  const url = `${base}/users/${login}`;
  return {
    login: user.login,
    id: user.id,
    node_id: node("U", user.id),
    avatar_url: `${host}/avatars/${user.id}`,
    gravatar_id: "",
    url,
    html_url: `${host}/${login}`,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type: user.type,
    site_admin: false,
  };
}
