import { join } from "node:path";

import type { Brought } from "../../controller/stage-commit.ts";
import { removeTree } from "../../executor/remove-tree.ts";
import { makeWorkPlace } from "../../executor/work-place.ts";
import { hexOf, isOfFork, type Digest, type Domain } from "../../identity/identity.ts";
import type { Operator } from "../../pipeline/operator.ts";
import { fetchDataset } from "../../store/fetch-dataset.ts";
import type { Store } from "../../store/store.ts";
import { servicePaths } from "../serve/paths.ts";

const FOREVER = new AbortController().signal;

interface DatasetParts {
  readonly store: Store;
  /** SLUICE_DATA. */
  readonly data: string;
  readonly operator: Pick<Operator, "datasetHosts">;
  readonly variable: (name: string) => string | undefined;
}

/** A part of main.ts for services: pinned datasets come into the store once, whoever needs them next. */
export function datasetsOf(
  { store, data, operator, variable }: DatasetParts,
  domain: Domain,
): (uri: string, digest: Digest) => Promise<Brought> {
  return async (uri, digest) => {
    const why = refusalOf(uri, { hosts: operator.datasetHosts, domain });
    if (why !== undefined) return why;
    if (await store.has(digest))
      return { kind: "ok", entry: (await store.listing(digest)) === undefined ? "file" : "directory" };
    const root = makeWorkPlace(servicePaths(data).datasets, "dataset");
    const path = hexOf(digest);
    const s3Endpoint = variable("AWS_ENDPOINT_URL_S3") ?? variable("AWS_ENDPOINT_URL") ?? null;
    try {
      const got = await fetchDataset({ root, digests: NONE, s3Endpoint }, { path, uri, digest }, FOREVER);
      if (got.kind === "refused") return { kind: "refused", ...got.refusal };
      const taken = await store.ingest(join(root, path), path);
      if (taken.kind === "ok") return { kind: "ok", entry: taken.record.kind === "directory" ? "directory" : "file" };
      return { kind: "refused", why: `the store does not take it (${taken.kind})`, next: "look at the store's disk" };
    } finally {
      removeTree(root);
    }
  };
}

const NONE = { remember: () => undefined };

/** The service's credentials reach further than a pipeline may: the operator names the buckets. */
function refusalOf(
  uri: string,
  { hosts, domain }: { readonly hosts: readonly string[] | null; readonly domain: Domain },
): Extract<Brought, { kind: "refused" }> | undefined {
  const bucket = /^s3:\/\/([^/]+)\//.exec(uri)?.[1];
  if (bucket === undefined)
    return {
      kind: "refused",
      why: `a service does not fetch ${uri} in this version`,
      next: "keep it in the repository, or in a bucket (`s3://bucket/key`)",
    };
  if (isOfFork(domain))
    return { kind: "refused", why: "nothing of a fork reads from a bucket", next: "run it after the merge" };
  if (hosts?.includes(`s3://${bucket}`) === true) return undefined;
  return {
    kind: "refused",
    why: `the operator does not name the bucket \`${bucket}\``,
    next: `add to SLUICE_CONFIG: dataset_hosts: ["s3://${bucket}"]`,
  };
}
