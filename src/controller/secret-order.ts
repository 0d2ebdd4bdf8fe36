import type { Clock } from "../clock/clock.ts";
import { canonicalJson, type Json, type JsonObject } from "../identity/canonical-json.ts";
import { digestOf } from "../identity/identity.ts";
import { checkEnvelope, preAuthentication, renderEnvelope } from "../manifest/dsse.ts";
import type { SecretValues } from "../run/secret-values.ts";
import type { Secrets } from "../secrets/secrets.ts";
import type { Signer } from "../signer/signer.ts";

/** What one attempt may have, as the controller says under its signature; values are nowhere in it. */
interface SecretOrder {
  readonly order: 1;
  readonly run: string;
  readonly step: string;
  readonly key: string;
  readonly secrets: readonly { readonly name: string; readonly from: string }[];
  /** Digest of the whole attempt: what is not to the letter what was granted gets nothing. */
  readonly attempt: string;
  /** ms since 1970. */
  readonly expiresAt: number;
}

/** Payload type of the signature. */
const TYPE = "application/vnd.sluice.secret-order+json";
/** An attempt is handed out when its turn has come: longer in a queue it only waits for a worker that is away. */
const VALID_MS = 3_600_000;

/** An attempt as it travels, with the order that lets its worker read these secrets. */
export async function orderSecrets(
  { signer, clock }: { readonly signer: Signer; readonly clock: Pick<Clock, "now"> },
  attempt: JsonObject,
  grant: Pick<SecretOrder, "run" | "step" | "key" | "secrets">,
): Promise<string> {
  const order: SecretOrder = {
    order: 1,
    run: grant.run,
    step: grant.step,
    key: grant.key,
    secrets: grant.secrets,
    attempt: digestOf(canonicalJson(attempt)),
    expiresAt: clock.now() + VALID_MS,
  };
  const bytes = new TextEncoder().encode(JSON.stringify(order));
  const signature = await signer.sign(preAuthentication(TYPE, bytes));
  return new TextDecoder().decode(renderEnvelope(bytes, { keyId: signer.keyId, bytes: signature }, TYPE));
}

/**
 * Reads the values that an attempt asks for, if its order is signed by the controller, not expired, and for this very
 * attempt. `names` are the secrets that its step asks for.
 */
export function resolveSecrets(
  ports: { readonly keys: ReadonlyMap<string, string>; readonly secrets: Secrets; readonly clock: Pick<Clock, "now"> },
  { attempt, names, order }: { readonly attempt: JsonObject; readonly names: readonly string[]; readonly order: Json },
): SecretValues {
  if (names.length === 0) return { kind: "ok", values: {} };
  const read = readOrder(ports.keys, order);
  if (typeof read === "string") return forged(read);
  if (read.attempt !== digestOf(canonicalJson(attempt))) return forged("it was signed for another attempt");
  if (read.expiresAt < ports.clock.now()) {
    const since = new Date(read.expiresAt).toISOString();
    return { kind: "refused", failure: { kind: "lost", why: `the order for its secrets expired at ${since}` } };
  }
  const values: Record<string, string> = {};
  for (const name of names) {
    const from = read.secrets.find((secret) => secret.name === name)?.from;
    if (from === undefined) return forged(`it does not name \`${name}\``);
    const secret = ports.secrets.read(from);
    if (secret.kind === "refused") {
      const why = `the secret \`${name}\` comes from \`${from}\`, which ${secret.why}`;
      return { kind: "refused", failure: { kind: "refused", why, next: secret.next } };
    }
    values[name] = secret.value;
  }
  return { kind: "ok", values };
}

function forged(why: string): SecretValues {
  return {
    kind: "refused",
    failure: {
      kind: "refused",
      why: `the order for its secrets does not hold: ${why}`,
      next: "run it again with `/sluice retry`; if it happens again, see who else can write to the queue",
    },
  };
}

/** The order inside an envelope that one of these keys signed, or why there is none. */
function readOrder(keys: ReadonlyMap<string, string>, envelope: Json): SecretOrder | string {
  if (typeof envelope !== "string") return "there is none";
  const bytes = new TextEncoder().encode(envelope);
  let payload: Buffer;
  try {
    const { payload: text } = JSON.parse(envelope) as { readonly payload?: unknown };
    payload = Buffer.from(typeof text === "string" ? text : "", "base64");
  } catch {
    return "it is not JSON";
  }
  const check = checkEnvelope(bytes, payload, keys, TYPE);
  if (check.kind === "unknown-key") return "nobody signed it whom this worker knows";
  if (check.kind === "invalid") return check.why;
  // Signed by us: it has the shape in which we write it.
  const order = JSON.parse(payload.toString("utf8")) as SecretOrder;
  return order.order === 1 ? order : "it was written by another version";
}
