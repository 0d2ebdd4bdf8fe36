import { ok, type At, type Reply, type Route } from "./rest/call.ts";
import { node } from "./shapes/user.ts";

/** The mutations that the App sends. */
export const GRAPHQL: readonly Route[] = [["POST", /^\/graphql$/, graphql]];

function graphql({ forge, call }: At): Reply {
  const variables = (call.body["variables"] ?? {}) as Readonly<Record<string, unknown>>;
  const wanted = typeof variables["node"] === "string" ? variables["node"] : "";
  for (const repository of forge.world.repositories.values()) {
    for (const comment of [...repository.comments.values()].flat()) {
      if (node("IC", comment.id) !== wanted) continue;
      comment.minimized = true;
      return ok({ data: { minimizeComment: { minimizedComment: { __typename: "IssueComment", isMinimized: true } } } });
    }
  }
  return ok({ errors: [{ message: "Could not resolve to a node", type: "NOT_FOUND" }] });
}
