import { lines } from "./git-output.ts";
import { gitProcess, type GitProcess } from "./git-process.ts";
import type { RunProgram } from "./run-program.ts";

export interface MirrorPlace {
  /** Absolute path of the bare repository; made when it is not there. */
  readonly directory: string;
  /** The git binary. */
  readonly program: string;
  /** How git is run; default: as a child of this process. */
  readonly run?: RunProgram;
  /** A ref that only grows: what it held is kept here, whoever rewrites it there. */
  readonly grows?: string;
  /** Where the repository is by now, and what opens it; asked before each contact, because tokens are short-lived. */
  readonly remote: () => Promise<
    { readonly kind: "ok"; readonly url: string; readonly token: string | null } | RemoteTrouble
  >;
}

type RemoteTrouble = { readonly kind: "refused" | "unreachable"; readonly why: string };

type Contact = { readonly kind: "ok"; readonly git: GitProcess; readonly url: string } | RemoteTrouble;

/** The token goes by the environment: arguments can be read by everybody on the machine. */
export async function contact({ directory, program, remote, run }: MirrorPlace): Promise<Contact> {
  const found = await remote();
  if (found.kind !== "ok") return found;
  const { url, token } = found;
  const extra =
    token === null
      ? {}
      : {
          GIT_CONFIG_COUNT: "1",
          GIT_CONFIG_KEY_0: `http.${new URL(url).origin}/.extraHeader`,
          GIT_CONFIG_VALUE_0: `Authorization: Basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`,
        };
  return { kind: "ok", url, git: gitProcess(directory, program, { extra, ...(run !== undefined && { run }) }) };
}

/** Refused by the forge for good, or simply not to be reached now; what git says may hold a URL, never a token. */
export function trouble(stderr: string): RemoteTrouble {
  const why = lastLine(stderr);
  return /authentication failed|could not read (username|password)|access denied|not found|error: 40[134]/i.test(stderr)
    ? { kind: "refused", why }
    : { kind: "unreachable", why };
}

export function lastLine(stderr: string): string {
  const said = lines(stderr).filter((line) => /^(fatal|error|remote):/.test(line));
  return (said.at(-1) ?? stderr.trim()).slice(0, 300);
}
