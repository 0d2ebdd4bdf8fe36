import { readFile } from "node:fs/promises";

import { safeLine } from "../report/safe-text.ts";
import { ok, refused, type Result } from "../result/result.ts";

/** Where a token comes from, and what it may be used for. */
export interface TokenSource {
  /** File that holds a token, read for each bundle; undefined: a variable has it, or the runner makes one. */
  readonly tokenFile: string | undefined;
  /** Where a runner of GitHub makes tokens, and what is shown to it there. */
  readonly runner?: { readonly url: string; readonly bearer: string } | undefined;
  /** Whether what no token calls public may be named in a log. */
  readonly publish: boolean;
}

/** Why there is no bundle, and what to do about it. */
export interface NoBundle {
  readonly why: string;
  readonly next: string;
  /** Somebody was asked and did not answer, or only that they are out of order. */
  readonly silent: boolean;
}

/** A runner that did not answer by then (ms) makes no token. */
const PATIENCE_MS = 10_000;
const TOKEN =
  "`permissions: id-token: write` in the workflow, SIGSTORE_ID_TOKEN or SLUICE_ID_TOKEN_FILE; SLUICE_KEYLESS=off for the key alone";
const OWN =
  "SLUICE_KEYLESS=on where that may be, SLUICE_FULCIO_URL and SLUICE_REKOR_URL for a Sigstore of your own, or SLUICE_KEYLESS=off";

/** The token of this environment, if it may be used for what it is. */
export async function tokenFor(source: TokenSource): Promise<Result<string, NoBundle>> {
  let token: string;
  try {
    token = await tokenOf(source);
  } catch (error) {
    const place = source.tokenFile === undefined ? "" : `SLUICE_ID_TOKEN_FILE=${source.tokenFile}: `;
    const why = `no OIDC token could be had: ${safeLine(`${place}${wordsOf(error)}`, 300)}`;
    return refused({ why, next: TOKEN, silent: source.tokenFile === undefined && source.runner !== undefined });
  }
  const claims = claimsOf(token);
  if (claims === undefined) {
    const place = source.tokenFile === undefined ? "" : ` in ${safeLine(source.tokenFile, 200)}`;
    return refused({ why: `the OIDC token${place} is no JWT`, next: TOKEN, silent: false });
  }
  const hidden = source.publish ? undefined : hiddenBy(claims);
  if (hidden === undefined) return ok(token);
  const why = `${hidden}, and a public log would name it to everybody for ever`;
  return refused({ why, next: OWN, silent: false });
}

async function tokenOf({ tokenFile, runner }: TokenSource): Promise<string> {
  if (tokenFile !== undefined) return (await readFile(tokenFile, "utf8")).trim();
  if (runner !== undefined) return runnerToken(runner);
  const { CIContextProvider } = await import("@sigstore/sign");
  return new CIContextProvider().getToken();
}

/** The library that asks for the others would wait for a silent runner for ever. */
async function runnerToken({ url, bearer }: NonNullable<TokenSource["runner"]>): Promise<string> {
  const asked = new URL(url);
  asked.searchParams.append("audience", "sigstore");
  const headers = { accept: "application/json", authorization: `Bearer ${bearer}` };
  const response = await fetch(asked, { headers, signal: AbortSignal.timeout(PATIENCE_MS) });
  const answer: unknown = response.ok ? await response.json() : undefined;
  const token = typeof answer === "object" && answer !== null && "value" in answer ? answer.value : undefined;
  if (typeof token === "string") return token;
  throw new Error(`the runner answered ${response.status} without one`);
}

/** GitHub's runners and GitLab's say whether what they work for is public; nobody's silence says that it is. */
function hiddenBy(claims: Readonly<Record<string, unknown>>): string | undefined {
  const said = [claims["repository_visibility"], claims["project_visibility"]].filter((one) => one !== undefined);
  if (said.length === 0) return "the OIDC token does not say that whom it names is public";
  const other = said.find((visibility) => visibility !== "public");
  if (other === undefined) return undefined;
  return `the repository is ${typeof other === "string" ? safeLine(other, 20) : "not public"}`;
}

/** What a token says of itself; whether it is true, Fulcio finds out. */
function claimsOf(token: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
    return typeof claims === "object" && claims !== null ? (claims as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return `the runner did not answer within ${PATIENCE_MS / 1_000} seconds`;
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
