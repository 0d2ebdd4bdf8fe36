import type { OperatorStore } from "../pipeline/operator.ts";

export type Address =
  | { readonly kind: "ok"; readonly store: OperatorStore }
  | { readonly kind: "refused"; readonly why: string };

/** What `SLUICE_STORE_URL` names: a directory, `file:///directory` or `s3://bucket/prefix?endpoint=…&region=…&path_style=…`. */
export function parseAddress(text: string): Address {
  if (text.startsWith("/")) return { kind: "ok", store: { kind: "filesystem", path: text } };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) return { kind: "refused", why: "it is no address" };
  if (url.protocol === "file:" && url.host === "")
    return { kind: "ok", store: { kind: "filesystem", path: decodeURIComponent(url.pathname) } };
  return url.protocol === "s3:" ? bucketAt(url) : { kind: "refused", why: `\`${url.protocol}\` is none that is known` };
}

const PARAMETERS: ReadonlySet<string> = new Set(["endpoint", "region", "path_style"]);

function bucketAt(url: URL): Address {
  // Where it stood in an address it would stand in process lists and logs as well.
  if (url.username !== "" || url.password !== "")
    return { kind: "refused", why: "it holds credentials, which belong into the environment (`AWS_ACCESS_KEY_ID`, …)" };
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(url.hostname))
    return { kind: "refused", why: `\`${url.hostname}\` is no name of a bucket` };
  const unknown = [...url.searchParams.keys()].find((name) => !PARAMETERS.has(name));
  if (unknown !== undefined) return { kind: "refused", why: `\`${unknown}\` is none of ${[...PARAMETERS].join(", ")}` };
  const endpoint = url.searchParams.get("endpoint");
  if (endpoint !== null && !/^https?:\/\/[^\s@]+$/.test(endpoint))
    return { kind: "refused", why: "`endpoint` is no address such as `https://s3.example.org`" };
  const pathStyle = url.searchParams.get("path_style");
  if (pathStyle !== null && pathStyle !== "true" && pathStyle !== "false")
    return { kind: "refused", why: "`path_style` is neither true nor false" };
  return {
    kind: "ok",
    store: {
      kind: "s3",
      bucket: url.hostname,
      prefix: decodeURIComponent(url.pathname.slice(1)),
      region: url.searchParams.get("region"),
      endpoint,
      pathStyle: pathStyle === null ? null : pathStyle === "true",
    },
  };
}
