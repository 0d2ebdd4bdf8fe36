import { digestOf, parseDigest, type Digest } from "../identity/identity.ts";
import type { ImageDigest } from "./executor.ts";

/** An image by tag, as the Docker and OCI registry protocol names it. */
interface ImageName {
  /** As people write it: `docker.io`. */
  readonly registry: string;
  /** Where it answers: `https://registry-1.docker.io`. */
  readonly origin: string;
  readonly repository: string;
  readonly tag: string;
}

const TIMEOUT_MS = 30_000;
const MAX_MANIFEST = 4 * 1_024 * 1_024;
/** An index for many platforms first: its digest is the same wherever the step runs. */
const MANIFESTS = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/** The digest that an image's tag has in its registry now (OCI Distribution 1.1: HEAD of the manifest). */
export async function imageDigest(image: string, signal: AbortSignal): Promise<ImageDigest> {
  const name = parseImage(image);
  if (name === undefined)
    return {
      kind: "refused",
      why: `\`${image}\` is not the name of an image`,
      next: "write `name:tag`, like `python:3.12`",
    };
  try {
    return await ask(name, AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const why = error.cause instanceof Error ? error.cause.message : error.message;
    return {
      kind: "refused",
      why: `${name.registry} does not answer: ${why}`,
      next: "look at the network and the name of the registry, then `sluice pin`",
    };
  }
}

/** `python` → `docker.io/library/python:latest`; undefined for what no registry would take. */
export function parseImage(image: string): ImageName | undefined {
  const [, whole = "", tag = "latest"] = /^(.+?)(?::([\w][\w.-]{0,127}))?$/.exec(image) ?? [];
  const [first = "", ...rest] = whole.split("/");
  const named = rest.length > 0 && (first.includes(".") || first.includes(":") || first === "localhost");
  const registry = named ? first : "docker.io";
  const path = named ? rest.join("/") : whole;
  const hub = registry === "docker.io" || registry === "index.docker.io";
  const repository = hub && !path.includes("/") ? `library/${path}` : path;
  if (!/^[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*$/.test(repository)) return undefined;
  if (!/^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d+)?$/.test(registry)) return undefined;
  // As docker does it: a registry on this machine speaks plain HTTP.
  const scheme = /^(localhost|127\.\d+\.\d+\.\d+)(:|$)/.test(registry) ? "http" : "https";
  return {
    registry: hub ? "docker.io" : registry,
    origin: hub ? "https://registry-1.docker.io" : `${scheme}://${registry}`,
    repository,
    tag,
  };
}

async function ask(name: ImageName, signal: AbortSignal): Promise<ImageDigest> {
  const url = `${name.origin}/v2/${name.repository}/manifests/${name.tag}`;
  const request = (method: "HEAD" | "GET", token: string | undefined): Promise<Response> =>
    fetch(url, {
      method,
      signal,
      headers: { accept: MANIFESTS, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    });
  let token: string | undefined;
  let answer = await request("HEAD", token);
  if (answer.status === 401) {
    token = await tokenFor(name, answer.headers.get("www-authenticate") ?? "", signal);
    if (token !== undefined) answer = await request("HEAD", token);
  }
  if (!answer.ok) return refusal(name, answer.status);
  const told = parseDigest(answer.headers.get("docker-content-digest") ?? "");
  const digest = told ?? (await digestOfBody(await request("GET", token)));
  if (digest === undefined)
    return {
      kind: "refused",
      why: `${name.registry} does not say the digest of \`${shown(name)}\``,
      next: `\`docker buildx imagetools inspect ${shown(name)}\` shows it`,
    };
  return { kind: "ok", image: `${shown(name)}@${digest}`, digest };
}

function shown({ registry, repository, tag }: ImageName): string {
  return `${registry}/${repository}:${tag}`;
}

/** Some registries leave the header out; then the bytes themselves are what is named. */
async function digestOfBody(answer: Response): Promise<Digest | undefined> {
  if (!answer.ok) return undefined;
  const bytes = new Uint8Array(await answer.arrayBuffer());
  return bytes.byteLength === 0 || bytes.byteLength > MAX_MANIFEST ? undefined : digestOf(bytes);
}

/** A token for anybody, from where the registry's challenge points to; no credential is ever sent. */
async function tokenFor(name: ImageName, challenge: string, signal: AbortSignal): Promise<string | undefined> {
  if (!/^bearer /i.test(challenge)) return undefined;
  const fields = new Map([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = "", value = ""]) => [key, value]));
  const realm = URL.parse(fields.get("realm") ?? "");
  if (realm === null || (realm.protocol !== "https:" && !name.origin.startsWith("http://"))) return undefined;
  const service = fields.get("service");
  if (service !== undefined) realm.searchParams.set("service", service);
  realm.searchParams.set("scope", fields.get("scope") ?? `repository:${name.repository}:pull`);
  const answer = await fetch(realm, { signal });
  if (!answer.ok) return undefined;
  const body: unknown = await answer.json();
  if (typeof body !== "object" || body === null) return undefined;
  const found = "token" in body ? body.token : "access_token" in body ? body.access_token : undefined;
  return typeof found === "string" && /^[\x21-\x7e]+$/.test(found) ? found : undefined;
}

function refusal(name: ImageName, status: number): ImageDigest {
  const image = shown(name);
  if (status === 404)
    return { kind: "refused", why: `there is no image \`${image}\``, next: "look at its name and tag" };
  if (status === 401 || status === 403)
    return {
      kind: "refused",
      why: `${name.registry} does not show \`${image}\` to everybody`,
      next: `log in and write the digest yourself: \`docker buildx imagetools inspect ${image}\` shows it`,
    };
  if (status === 429)
    return {
      kind: "refused",
      why: `${name.registry} answers no more for now (its rate limit)`,
      next: "`sluice pin` later",
    };
  return { kind: "refused", why: `${name.registry} answered ${status} for \`${image}\``, next: "`sluice pin` later" };
}
