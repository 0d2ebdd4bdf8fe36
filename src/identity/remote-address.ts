/** A repository on a forge as git's configuration names it. */
export interface RemoteAddress {
  /** `https://github.com`: no credentials, no path. */
  readonly web: string;
  /** With a port where it has one. */
  readonly host: string;
  /** `owner/name`. */
  readonly fullName: string;
  /** False for `ssh`, which says nothing about how the forge's pages are reached. */
  readonly http: boolean;
}

/** Reads a remote's URL; undefined where no forge is behind it, such as a directory. */
export function parseRemoteAddress(url: string): RemoteAddress | undefined {
  const scp = /^(?:[\w.-]+@)?([A-Za-z0-9.-]{2,}):(?!\/\/)\/?(.+)$/.exec(url);
  if (scp !== null) return addressOf({ protocol: "https", host: scp[1] ?? "", path: scp[2] ?? "", http: false });
  if (!/^(https?|ssh|git\+ssh):\/\//.test(url) || !URL.canParse(url)) return undefined;
  const { protocol, hostname, host, pathname } = new URL(url);
  const http = protocol.startsWith("http");
  return http
    ? addressOf({ protocol: protocol.slice(0, -1), host, path: pathname, http })
    : addressOf({ protocol: "https", host: hostname, path: pathname, http });
}

function addressOf({
  protocol,
  host,
  path,
  http,
}: {
  readonly protocol: string;
  readonly host: string;
  readonly path: string;
  readonly http: boolean;
}): RemoteAddress | undefined {
  const [owner, name, ...more] = path.replace(/^\/+|\/+$/g, "").split("/");
  const repository = name?.replace(/\.git$/, "");
  if (owner === undefined || repository === undefined || more.length > 0) return undefined;
  if (![owner, repository].every((part) => /^[\w.-]+$/.test(part) && !/^\.+$/.test(part))) return undefined;
  // GitHub takes ssh at port 443 under a name of its own.
  const known = (host === "ssh.github.com" ? "github.com" : host).toLowerCase();
  return { web: `${protocol}://${known}`, host: known, fullName: `${owner}/${repository}`, http };
}
