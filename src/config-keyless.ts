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
