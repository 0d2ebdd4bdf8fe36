import type * as Sdk from "@aws-sdk/client-s3";

export type S3Sdk = typeof Sdk;

export interface S3Place {
  readonly sdk: S3Sdk;
  readonly client: Sdk.S3Client;
  readonly bucket: string;
  /** A name below the prefix of the address, from the beginning. */
  readonly full: (key: string) => string;
}

export interface S3Access {
  readonly region: string | null;
  readonly endpoint: string | null;
  readonly pathStyle: boolean | null;
}

/** The SDK, loaded by whoever comes here first, with credentials from its own chain: variables, files, roles, tokens. */
export async function s3Client(access: S3Access): Promise<{ readonly sdk: S3Sdk; readonly client: Sdk.S3Client }> {
  const sdk = await import("@aws-sdk/client-s3");
  const { region, endpoint, pathStyle } = access;
  const elsewhere = endpoint !== null;
  const client = new sdk.S3Client({
    maxAttempts: 5,
    followRegionRedirects: !elsewhere,
    requestHandler: { connectionTimeout: 5_000, socketTimeout: 60_000 },
    ...(elsewhere && { endpoint }),
    // Servers of others take any region, and few have certificates for each bucket.
    ...(region === null ? elsewhere && { region: "us-east-1" } : { region }),
    forcePathStyle: pathStyle ?? elsewhere,
    // Bytes are named by their digests and checked when they are read; not every server knows the newer checksums.
    ...(elsewhere && { requestChecksumCalculation: "WHEN_REQUIRED", responseChecksumValidation: "WHEN_REQUIRED" }),
  });
  return { sdk, client };
}

export function isStatus(error: unknown, status: number): boolean {
  const told = error as { readonly $metadata?: { readonly httpStatusCode?: number } } | undefined;
  return error instanceof Error && told?.$metadata?.httpStatusCode === status;
}

/** What went wrong, in a line. */
export function failed(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message } = error;
  return (
    (message === "" || message === "UnknownError" ? error.name : `${message} (${error.name})`).split("\n")[0] ?? ""
  );
}
