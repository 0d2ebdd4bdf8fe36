import type { ListedCommit } from "../history.ts";
import type { TwinRepository, User } from "../world.ts";
import { node, userShape, type Addresses } from "./user.ts";

/** A commit as GitHub's REST API lists it; an address without an account has no user. */
export function commitShape(
  { sha, tree, parents, author, message }: ListedCommit,
  { repository, accounts }: { readonly repository: TwinRepository; readonly accounts: ReadonlyMap<string, User> },
  at: Addresses,
): Record<string, unknown> {
  const api = `${at.base}/repos/${repository.fullName}`;
  const page = `${at.host}/${repository.fullName}/commit/${sha}`;
  const account = accounts.get(author.email);
  const user = account === undefined ? null : userShape(account, at);
  return {
    sha,
    node_id: node("C", 0) + sha,
    url: `${api}/commits/${sha}`,
    html_url: page,
    comments_url: `${api}/commits/${sha}/comments`,
    commit: {
      url: `${api}/git/commits/${sha}`,
      author,
      committer: author,
      message,
      tree: { sha: tree, url: `${api}/git/trees/${tree}` },
      comment_count: 0,
      verification: { verified: false, reason: "unsigned", signature: null, payload: null, verified_at: null },
    },
    author: user,
    committer: user,
    parents: parents.map((parent) => ({ sha: parent, url: `${api}/commits/${parent}`, html_url: page })),
  };
}
