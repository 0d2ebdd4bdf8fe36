import { gitProcess } from "./git-process.ts";

/** Remotes of a repository with their URLs, as git would fetch from them (`insteadOf` is followed). */
export async function remotesOf(root: string): Promise<ReadonlyMap<string, string>> {
  const git = gitProcess(root, "git");
  const { code, stdout } = await git.attempt(["remote"]);
  const found = new Map<string, string>();
  if (code !== 0) return found;
  for (const name of stdout.toString("utf8").split("\n")) {
    if (name === "") continue;
    const url = await git.attempt(["remote", "get-url", "--", name]);
    if (url.code === 0) found.set(name, url.stdout.toString("utf8").trim());
  }
  return found;
}

/** The password that git's own helpers keep for a host; nobody is asked at the terminal. */
export async function credentialFor(
  root: string,
  { web, host, fullName }: { readonly web: string; readonly host: string; readonly fullName: string },
): Promise<string | undefined> {
  const protocol = web.slice(0, web.indexOf(":"));
  const wanted = `protocol=${protocol}\nhost=${host}\npath=${fullName}.git\n\n`;
  const { code, stdout } = await gitProcess(root, "git").attempt(["credential", "fill"], wanted);
  if (code !== 0) return undefined;
  return /^password=(.+)$/m.exec(stdout.toString("utf8"))?.[1];
}

/** Brings a ref of another repository here, if that takes nothing away; whether it is there now. */
export async function fetchRef(
  root: string,
  { source, from, to }: { readonly source: string; readonly from: string; readonly to: string },
): Promise<boolean> {
  const flags = ["--quiet", "--no-tags", "--no-auto-gc", "--no-write-fetch-head", "--no-recurse-submodules"];
  return (await gitProcess(root, "git").attempt(["fetch", ...flags, "--", source, `${from}:${to}`])).code === 0;
}
