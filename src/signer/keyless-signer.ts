import { readFile } from "node:fs/promises";

import { safeLine } from "../report/safe-text.ts";
import { ok, refused, type Result } from "../result/result.ts";
import type { Signer } from "./signer.ts";

/** Where Sigstore is asked, and who hears how that went. */
export interface Keyless {
  /** File that holds a token, read for each bundle; undefined: a variable has it, or the runner makes one. */
  readonly tokenFile: string | undefined;
  /** Address of a Fulcio; undefined: the public one. */
  readonly fulcio: string | undefined;
  /** Address of a Rekor; undefined: the public one. */
  readonly rekor: string | undefined;
  /** Whether what no token calls public may be named in a log. */
  readonly publish: boolean;
  /** One sentence about each payload, and whether it has a bundle. */
  readonly tell: (sentence: string, bundled: boolean) => void;
}

/** So long (ms) one answer is waited for; one that did not come is asked for once more. */
const PATIENCE_MS = 10_000;
const PUBLIC_REKOR = "https://rekor.sigstore.dev";

/**
 * A signer whose payloads get a Sigstore bundle besides: a certificate of minutes for a key of one use, by the OIDC
 * token of this environment, and an entry in a log that others watch. What cannot be had is told and costs no signature.
 */
export function keylessSigner(signer: Signer, keyless: Keyless): Signer {
  return {
    ...signer,
    async bundle(payload, payloadType) {
      const token = await tokenFor(keyless);
      const made = token.kind === "ok" ? await bundleOf(keyless, token.value, { payload, payloadType }) : token;
      if (made.kind === "ok") {
        keyless.tell(`signed keyless, logged at ${new URL(keyless.rekor ?? PUBLIC_REKOR).host}`, true);
        return made.value;
      }
      const { why, next } = made.refusal;
      keyless.tell(`not signed keyless: ${why}; the key ${signer.keyId.slice(0, 12)} signed\n  next: ${next}`, false);
      return undefined;
    },
  };
}

interface NoBundle {
  readonly why: string;
  readonly next: string;
}

const TOKEN =
  "`permissions: id-token: write` in the workflow, SIGSTORE_ID_TOKEN or SLUICE_ID_TOKEN_FILE; SLUICE_KEYLESS=off for the key alone";
/** A bundle is over the bytes of one record: a later run has its own. */
const NEXT = "sluice run --force makes another record once Sigstore answers; SLUICE_KEYLESS=off asks it no more";
const OWN =
  "SLUICE_KEYLESS=on where that may be, SLUICE_FULCIO_URL and SLUICE_REKOR_URL for a Sigstore of your own, or SLUICE_KEYLESS=off";

/** The token of this environment, if it may be used for what it is. */
async function tokenFor({ publish, tokenFile }: Keyless): Promise<Result<string, NoBundle>> {
  const token = await (tokenFile === undefined ? tokenHere() : textOf(tokenFile)).catch(() => undefined);
  if (token === undefined) return refused({ why: "no OIDC token could be had", next: TOKEN });
  const claims = claimsOf(token);
  if (claims === undefined) return refused({ why: "the OIDC token is no JWT", next: TOKEN });
  const hidden = publish ? undefined : hiddenBy(claims);
  if (hidden === undefined) return ok(token);
  return refused({ why: `${hidden}, and a public log would name it to everybody for ever`, next: OWN });
}

/** GitHub's runners and GitLab's say whether what they work for is public; nobody's silence says that it is. */
function hiddenBy(claims: Readonly<Record<string, unknown>>): string | undefined {
  const said = [claims["repository_visibility"], claims["project_visibility"]].filter((one) => one !== undefined);
  if (said.length === 0) return "the OIDC token does not say that whom it names is public";
  const other = said.find((visibility) => visibility !== "public");
  if (other === undefined) return undefined;
  return `the repository is ${typeof other === "string" ? safeLine(other, 20) : "not public"}`;
}

async function tokenHere(): Promise<string> {
  const { CIContextProvider } = await import("@sigstore/sign");
  return new CIContextProvider().getToken();
}

async function textOf(path: string): Promise<string> {
  return (await readFile(path, "utf8")).trim();
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

async function bundleOf(
  { fulcio, rekor }: Keyless,
  token: string,
  { payload, payloadType }: { readonly payload: Uint8Array; readonly payloadType: string },
): Promise<Result<Uint8Array, NoBundle>> {
  const [{ bundleToJSON }, { DSSEBundleBuilder, FulcioSigner, RekorWitness }] = await Promise.all([
    import("@sigstore/bundle"),
    import("@sigstore/sign"),
  ]);
  const patience = { timeout: PATIENCE_MS, retry: 1 };
  const identityProvider = { getToken: async () => token };
  const signer = new FulcioSigner({
    ...patience,
    identityProvider,
    ...(fulcio === undefined ? {} : { fulcioBaseURL: fulcio }),
  });
  const witness = new RekorWitness({ ...patience, ...(rekor === undefined ? {} : { rekorBaseURL: rekor }) });
  try {
    const builder = new DSSEBundleBuilder({ signer, witnesses: [witness] });
    const bundle = await builder.create({ data: Buffer.from(payload), type: payloadType });
    return ok(new TextEncoder().encode(`${JSON.stringify(bundleToJSON(bundle))}\n`));
  } catch (error) {
    return refused({ why: reasonOf(error, token), next: NEXT });
  }
}

/** Words of the libraries quote a token that they cannot read, and those of a server may. */
function reasonOf(error: unknown, token: string): string {
  const { code, cause } = error as { readonly code?: unknown; readonly cause?: unknown };
  const why = safeLine((cause instanceof Error ? cause.message : String(cause ?? code)).replaceAll(token, "…"), 200);
  switch (code) {
    case "IDENTITY_TOKEN_PARSE_ERROR":
      return "the OIDC token names nobody";
    case "CA_CREATE_SIGNING_CERTIFICATE_ERROR":
      return `Fulcio gave no certificate: ${why}`;
    case "TLOG_CREATE_ENTRY_ERROR":
    case "TLOG_FETCH_ENTRY_ERROR":
      return `Rekor took no entry: ${why}`;
    default:
      return `Sigstore could not be asked: ${why}`;
  }
}
