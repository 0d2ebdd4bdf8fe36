import { digestOf } from "../identity/identity.ts";
import { safeLine } from "../report/safe-text.ts";
import { ok, refused, type Result } from "../result/result.ts";
import { tokenFor, type NoBundle, type TokenSource } from "./keyless-token.ts";
import type { Signer } from "./signer.ts";

/** Where Sigstore is asked, and who hears how that went. */
export interface Keyless extends TokenSource {
  /** Address of a Fulcio; undefined: the public one. */
  readonly fulcio: string | undefined;
  /** Address of a Rekor; undefined: the public one. */
  readonly rekor: string | undefined;
  readonly clock: {
    now(): number;
    wait(milliseconds: number, signal: AbortSignal): Promise<undefined>;
  };
  /** One sentence about each payload, and whether it has a bundle. */
  readonly tell: (sentence: string, bundled: boolean) => void;
}

/** So long (ms) one answer is waited for; one that did not come is asked for once more. */
const PATIENCE_MS = 10_000;
/** Nobody waits longer (ms) for a bundle, whoever is silent. */
const DEADLINE_MS = 30_000;
/** So long (ms) nobody is asked after they were silent: each record would wait for them anew. */
const REST_MS = 300_000;
/** Older ones than so many are forgotten. */
const MOST_KEPT = 1_000;
const PUBLIC_REKOR = "https://rekor.sigstore.dev";

/** A bundle is over the bytes of one record: a later run has its own. */
const NEXT = "sluice run --force <step> makes another record once Sigstore answers; SLUICE_KEYLESS=off asks it no more";

type Made = Result<Uint8Array, NoBundle>;

interface Payload {
  readonly payload: Uint8Array;
  readonly payloadType: string;
}

/**
 * A signer whose payloads get a Sigstore bundle besides: a certificate of minutes for a key of one use, by the OIDC
 * token of this environment, and an entry in a log that others watch. What cannot be had is told and costs no signature.
 */
export function keylessSigner(signer: Signer, keyless: Keyless): Signer {
  const make = makingOnce(keyless);
  return {
    ...signer,
    async bundle(payload, payloadType) {
      const made = await make({ payload, payloadType });
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

/**
 * Each bundle is an entry in somebody's log: whoever asks for one again, or gave up waiting, gets the same. And nobody
 * who was silent is asked for every record.
 */
function makingOnce(keyless: Keyless): (one: Payload) => Promise<Made> {
  const { clock } = keyless;
  const kept = new Map<string, Promise<Made>>();
  let rest: { readonly until: number; readonly failure: NoBundle } | undefined;
  return async (one) => {
    const name = `${one.payloadType} ${digestOf(one.payload)}`;
    const there = kept.get(name);
    const left = rest === undefined ? 0 : rest.until - clock.now();
    if (there === undefined && rest !== undefined && left > 0) {
      const { failure } = rest;
      return refused({ ...failure, why: `${failure.why}, asked again in ${Math.ceil(left / 60_000)} min` });
    }
    const made = await withinDeadline(clock, there ?? keep(kept, name, bundleWith(keyless, one)));
    if (made.kind === "refused" && made.refusal.silent) rest = { until: clock.now() + REST_MS, failure: made.refusal };
    return made;
  };
}

/** Only what succeeds is kept. */
function keep(kept: Map<string, Promise<Made>>, name: string, making: Promise<Made>): Promise<Made> {
  kept.set(name, making);
  const [oldest] = kept.keys();
  if (kept.size > MOST_KEPT && oldest !== undefined) kept.delete(oldest);
  const forget = (): void => void kept.delete(name);
  making.then(({ kind }) => kind === "refused" && forget(), forget);
  return making;
}

async function withinDeadline(clock: Keyless["clock"], making: Promise<Made>): Promise<Made> {
  const over = new AbortController();
  const made = await Promise.race([making, clock.wait(DEADLINE_MS, over.signal)]);
  over.abort();
  if (made !== undefined) return made;
  return refused({ why: `there was none after ${DEADLINE_MS / 1_000} seconds`, next: NEXT, silent: true });
}

async function bundleWith(keyless: Keyless, one: Payload): Promise<Made> {
  const token = await tokenFor(keyless);
  return token.kind === "ok" ? bundleOf(keyless, token.value, one) : token;
}

async function bundleOf({ fulcio, rekor }: Keyless, token: string, { payload, payloadType }: Payload): Promise<Made> {
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
    return refused({ why: reasonOf(error, token), next: NEXT, silent: isSilence(error) });
  }
}

/** Who says what is wrong with a token or an entry answers, and does so at once. */
function isSilence(error: unknown): boolean {
  const { code, cause } = error as { readonly code?: unknown; readonly cause?: { readonly statusCode?: unknown } };
  const status = cause?.statusCode;
  if (code === "IDENTITY_TOKEN_PARSE_ERROR") return false;
  return typeof status !== "number" || status >= 500 || status === 429;
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
