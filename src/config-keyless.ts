/** Whether records get a Sigstore bundle, and from where. */
export interface KeylessConfig {
  /** `SLUICE_KEYLESS`: `on` or `off`; undefined: where there is a token. */
  readonly wanted: string | undefined;
  /** Whether an OIDC token was handed over, or the runner makes one. */
  readonly token: boolean;
  /** Where the runner makes one, and what is shown to it there; absent where a variable has one. */
  readonly runner?: { readonly url: string; readonly bearer: string } | undefined;
  /** File of a token that is made anew from time to time; undefined: it comes from a variable or the runner. */
  readonly tokenFile: string | undefined;
  /** Addresses; undefined: the public ones. */
  readonly fulcio: string | undefined;
  readonly rekor: string | undefined;
}

/** Whether there is an OIDC token, and where Sigstore is. */
export function keylessOf(env: NodeJS.Dict<string>): KeylessConfig {
  const set = (name: string): string | undefined => (env[name] === "" ? undefined : env[name]);
  const tokenFile = set("SLUICE_ID_TOKEN_FILE");
  const handed = set("SIGSTORE_ID_TOKEN") !== undefined;
  const [url, bearer] = [set("ACTIONS_ID_TOKEN_REQUEST_URL"), set("ACTIONS_ID_TOKEN_REQUEST_TOKEN")];
  const runner = url === undefined || bearer === undefined ? undefined : { url, bearer };
  return {
    wanted: set("SLUICE_KEYLESS"),
    token: tokenFile !== undefined || handed || runner !== undefined,
    ...(handed ? {} : { runner }),
    tokenFile,
    fulcio: set("SLUICE_FULCIO_URL"),
    rekor: set("SLUICE_REKOR_URL"),
  };
}

/** Why a token may not be shown at this address of a Sigstore; undefined where it may. */
export function addressFault(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search + url.hash !== "")
    return "it is no address such as https://sigstore.example.org";
  if (url.username + url.password !== "") return "it holds credentials, which would stand in logs";
  if (url.protocol === "http:" && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname))
    return "it is not https, and others would read the token on its way";
  return undefined;
}

const ALONE = "SLUICE_KEYLESS=off signs with the key alone";

/** What the environment says wrongly where it asks for bundles, with what to do next; undefined: nothing. */
export function keylessMistake({ wanted, token, fulcio, rekor }: KeylessConfig): string | undefined {
  if (wanted === "off" || (wanted === undefined && !token)) return undefined;
  if (wanted !== undefined && wanted !== "on") return `SLUICE_KEYLESS must be on or off\n  next: ${ALONE}`;
  for (const [name, address] of [["SLUICE_FULCIO_URL", fulcio] as const, ["SLUICE_REKOR_URL", rekor] as const]) {
    const fault = address === undefined ? undefined : addressFault(address);
    if (fault !== undefined) return `${name}: ${fault}\n  next: ${name}=https://sigstore.example.org, or ${ALONE}`;
  }
  return undefined;
}
