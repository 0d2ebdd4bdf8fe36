/** Whom an OIDC issuer names: a person by their address, a workflow by its own. */
export interface Identity {
  readonly issuer: string;
  readonly subject: string;
  /** Address of the repository that a workflow ran for; absent: nobody said, or, of who is listed, any. */
  readonly repository?: string | undefined;
}

/** Whose Sigstore bundles count, as a verifier lists them. */
export interface BundleTrust {
  /** In `subject` and `repository` a `*` stands for any text without `/` and `@`. */
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
  const patterns = listed.map(({ issuer, subject, repository }) => ({
    issuer,
    subject: patternOf(subject),
    repository: repository === undefined ? undefined : patternOf(repository),
  }));
  return ({ issuer, subject, repository = "" }) =>
    patterns.some(
      (one) => one.issuer === issuer && one.subject.test(subject) && one.repository?.test(repository) !== false,
    );
}

function patternOf(text: string): RegExp {
  const parts = text.split("*").map((part) => part.replaceAll(/[\\^$.+?()[\]{}|]/g, String.raw`\$&`));
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
function strangerSentence({ issuer, subject, repository }: Identity, file: string): string {
  const only = repository === undefined ? "" : `, repository: ${JSON.stringify(repository)}`;
  const entry = `{ issuer: ${JSON.stringify(issuer)}, subject: ${JSON.stringify(subject)}${only} }`;
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
