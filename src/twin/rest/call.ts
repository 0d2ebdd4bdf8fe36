import type { TwinForge } from "../forge.ts";
import type { Token, TwinPullRequest, TwinRepository } from "../world.ts";

/** One REST call as it came. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
  readonly authorization: string;
}

export interface Reply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export const NOT_FOUND: Reply = { status: 404, body: { message: "Not Found" } };
export const FORBIDDEN: Reply = { status: 403, body: { message: "Resource not accessible by integration" } };
export const UNKNOWN: Reply = { status: 401, body: { message: "Bad credentials" } };
export const MAX_BODY = 65_536;

export type Who = { readonly kind: "app" } | ({ readonly kind: "token" } & Token);
export type Route = readonly [
  method: string,
  pattern: RegExp,
  answer: (at: At, parts: readonly string[]) => Reply | Promise<Reply>,
];

export interface At {
  readonly forge: TwinForge;
  readonly call: Call;
  readonly who: Who;
  /** Of the answer; a route may add to them. */
  readonly headers: Record<string, string>;
}

export interface Here extends At {
  readonly repository: TwinRepository;
}

export function ok(body: unknown, status = 200): Reply {
  return { status, body };
}

/** One page of a list; the answer's `Link` leads to the others, as GitHub's does. */
export function paged<Item>({ forge, call, headers }: At, items: readonly Item[]): readonly Item[] {
  const size = Math.min(100, Math.max(1, Number(call.query.get("per_page") ?? 30)));
  const page = Math.max(1, Number(call.query.get("page") ?? 1));
  const last = Math.max(1, Math.ceil(items.length / size));
  const link = (to: number, rel: string): string => {
    const query = new URLSearchParams(call.query);
    query.set("page", String(to));
    return `<${forge.base}${call.path}?${query.toString()}>; rel="${rel}"`;
  };
  const links = [
    ...(page > 1 ? [link(page - 1, "prev"), link(1, "first")] : []),
    ...(page < last ? [link(page + 1, "next"), link(last, "last")] : []),
  ];
  if (links.length > 0) headers["link"] = links.join(", ");
  return items.slice((page - 1) * size, page * size);
}

export function text(body: Call["body"], name: string): string {
  const value = body[name];
  return typeof value === "string" ? value : "";
}

const REPO = "^/repos/([^/]+)/([^/]+)";

/** The pattern of a route below one repository. */
export function repo(rest: string): RegExp {
  return new RegExp(`${REPO}${rest}$`);
}

/** Answers where the repository is there and whoever asks may see it. */
export function inRepository(answer: (here: Here, rest: readonly string[]) => Reply | Promise<Reply>): Route[2] {
  return (at, [owner = "", name = "", ...rest]) => {
    const { world } = at.forge;
    const moved = world.moved.get(`${owner}/${name}`);
    const repository = world.repositories.get(`${owner}/${name}`) ?? moved;
    if (repository === undefined) return NOT_FOUND;
    const { who } = at;
    if (who.kind === "app") return FORBIDDEN;
    if (who.installation !== null && who.installation !== repository.installation) return NOT_FOUND;
    if (repository === moved) return movedTo(at, repository);
    return answer({ ...at, repository }, rest);
  };
}

/** A repository that has another name now is asked for by its id; what writes keeps its method. */
function movedTo({ forge, call, headers }: At, { id }: TwinRepository): Reply {
  const rest = call.path.split("/").slice(4).join("/");
  const query = call.query.size === 0 ? "" : `?${call.query.toString()}`;
  const url = `${forge.base}/repositories/${id}${rest === "" ? "" : `/${rest}`}${query}`;
  headers["location"] = url;
  return call.method === "GET"
    ? { status: 301, body: { message: "Moved Permanently", url } }
    : { status: 307, body: { message: "Temporary Redirect", url } };
}

/** Answers where the pull request that the first part numbers is there. */
export function withPull(
  answer: (here: Here, pull: TwinPullRequest, rest: readonly string[]) => Reply | Promise<Reply>,
): (here: Here, parts: readonly string[]) => Reply | Promise<Reply> {
  return (here, [number = "", ...rest]) => {
    const pull = here.repository.pulls.get(Number(number));
    return pull === undefined ? NOT_FOUND : answer(here, pull, rest);
  };
}

export function loginOf({ who }: At): string {
  return who.kind === "app" ? "" : who.user.login;
}
