/** Whom an OIDC issuer names: a person by their address, a workflow by its own. */
export interface Identity {
  readonly issuer: string;
  readonly subject: string;
}

/** Whose Sigstore bundles count, as a verifier lists them. */
export interface BundleTrust {
  /** In `subject` a `*` stands for any text without `/` and `@`. */
  readonly identities: readonly Identity[];
  /** The JSON of Sigstore's trusted root: its authorities and logs. */
  readonly root: string;
}

export type BundleCheck =
  | { readonly kind: "valid"; readonly identity: Identity }
  /** Sound, and of somebody who is not listed. */
  | { readonly kind: "stranger"; readonly identity: Identity }
  | { readonly kind: "invalid"; readonly why: string };

/** What a bundle says of exactly these bytes under this payload type. */
export type CheckBundle = (bundle: Uint8Array, payload: Uint8Array, payloadType: string) => BundleCheck;

/** Where the bundle over a record stands, beside the signature of its key. */
export function bundlePath(path: string): string {
  return path.replace(/\.json$/, ".sigstore.json");
}

/**
 * What says whether somebody is listed. A `*` ends at `/` and `@`: a branch that is called like the end of a pattern
 * must not make another workflow fit.
 */
export function listing(listed: readonly Identity[]): (identity: Identity) => boolean {
  const patterns = listed.map((one) => ({ issuer: one.issuer, pattern: patternOf(one.subject) }));
  return ({ issuer, subject }) => patterns.some((one) => one.issuer === issuer && one.pattern.test(subject));
}

function patternOf(subject: string): RegExp {
  const parts = subject.split("*").map((part) => part.replaceAll(/[\\^$.+?()[\]{}|]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join("[^/@]*")}$`, "u");
}

/** Why a bundle does not count where `file` lists whose do; undefined where it does. */
export function bundleFault(check: BundleCheck, file: string): string | undefined {
  switch (check.kind) {
    case "valid":
      return undefined;
    case "stranger":
      return strangerSentence(check.identity, file);
    case "invalid":
      return `its Sigstore bundle does not hold: ${check.why}`;
    default:
      return check satisfies never;
  }
}

/** Somebody who is not listed, with what lists them. */
function strangerSentence({ issuer, subject }: Identity, file: string): string {
  const entry = `{ issuer: ${JSON.stringify(issuer)}, subject: ${JSON.stringify(subject)} }`;
  return `its Sigstore bundle is by somebody who is not trusted here; to trust them, add ${entry} to \`sigstore.identities\` of ${file}`;
}

/**
 * A bundle that somebody brought along with a record, where it counts. Nothing else beside the record is taken over:
 * whoever can push could lay anything there.
 */
export function countingBundle(
  check: CheckBundle | undefined,
  bundle: Uint8Array | undefined,
  over: { readonly payload: Uint8Array; readonly payloadType: string },
): Uint8Array | undefined {
  if (check === undefined || bundle === undefined) return undefined;
  return check(bundle, over.payload, over.payloadType).kind === "valid" ? bundle : undefined;
}
