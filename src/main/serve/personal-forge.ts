import type { OpenedForge, Repository, World } from "../../cli/world.ts";
import { octokitPersonalForge } from "../../forge/octokit-personal.ts";
import { credentialFor, remotesOf } from "../../git/person-remote.ts";
import { parseRemoteAddress } from "../../identity/remote-address.ts";

/** A part of main.ts for commands that are said on the forge: which repository there, and by whose token. */
export async function openPersonalForge(
  { config, clock }: World,
  { git }: Repository,
  remote: string | undefined,
): Promise<OpenedForge> {
  if (git.adapter !== "native")
    return refused("usage", "remotes and their credentials are read by git, which is not installed", "install git");
  const found = chosen(await remotesOf(git.root), remote);
  if ("reason" in found) return found;
  const read = parseRemoteAddress(found.url);
  if (read === undefined)
    return refused(
      "usage",
      `the remote ${found.name} is no repository on a forge`,
      `git remote set-url ${found.name} https://github.com/<owner>/<name>.git`,
    );
  const { account } = config;
  const ours = read.host === account.host;
  // A token from the environment is for one host and the way that is declared to it, whatever a remote says.
  const own = ours ? account.token : undefined;
  const declared = ours && (own !== undefined || !read.http);
  const address = declared ? { ...read, web: `${account.protocol}://${read.host}` } : read;
  const token = own ?? (await credentialFor(git.root, address));
  if (token === undefined)
    return refused(
      "forbidden",
      `nobody is known here to ${address.host}: neither a token in the environment nor one that git keeps`,
      ours
        ? "export GH_TOKEN=<your token>, or gh auth login && gh auth setup-git"
        : `export GHE_HOST=${address.host} GH_TOKEN=<your token>, or git credential approve`,
    );
  return {
    kind: "ok",
    forge: octokitPersonalForge({
      apiUrl: address.host === "github.com" ? "https://api.github.com" : `${address.web}/api/v3`,
      url: `${address.web}/${address.fullName}`,
      fullName: address.fullName,
      token,
      now: () => clock.now(),
    }),
  };
}

/** Which repository on a forge this is a clone of, by its remote's address alone: nobody is asked. */
export async function nameOnForge({ git }: Repository): Promise<string | undefined> {
  if (git.adapter !== "native") return undefined;
  const found = chosen(await remotesOf(git.root), undefined);
  return "reason" in found ? undefined : parseRemoteAddress(found.url)?.fullName.toLowerCase();
}

type Refused = Extract<OpenedForge, { kind: "refused" }>;

function refused(reason: Refused["reason"], why: string, next: string): Refused {
  return { kind: "refused", reason, why, next };
}

function chosen(
  remotes: ReadonlyMap<string, string>,
  wanted: string | undefined,
): { readonly name: string; readonly url: string } | Refused {
  const names = [...remotes.keys()];
  const [only, ...more] = names;
  const name = wanted ?? (remotes.has("origin") || more.length > 0 ? "origin" : only);
  const url = name === undefined ? undefined : remotes.get(name);
  if (name !== undefined && url !== undefined) return { name, url };
  if (names.length > 0)
    return refused("usage", `there is no remote ${name ?? "origin"}`, `--remote ${names.join(", or --remote ")}`);
  return refused(
    "usage",
    "this repository has no remote: releases are decided by the service of a forge, which alone writes its ledger",
    "git remote add origin https://github.com/<owner>/<name>.git",
  );
}
