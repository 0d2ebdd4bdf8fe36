import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { onTestFinished } from "vitest";

import type { Mirror } from "../../src/git/mirror.ts";
import { nativeMirror } from "../../src/git/native-mirror.ts";
import { digestOf } from "../../src/identity/identity.ts";
import { orderOf, type Asked, type RunOrder } from "../../src/run/request.ts";
import { fileSigner } from "../../src/signer/file-signer.ts";
import type { Signer } from "../../src/signer/signer.ts";
import { httpRemote, type HttpRemote } from "../contract/http-remote.ts";
import type { RecordPorts } from "../../src/controller/record-run.ts";
import type { Store } from "../../src/store/store.ts";
import { sha } from "../manifest/run-records.ts";

export const LEDGER = "refs/heads/sluice/ledger";

/** A remote, and controllers that each have a mirror of it and a key. */
export interface Remote {
  readonly remote: HttpRemote;
  /** While it cannot be reached. */
  away: boolean;
  /** The same key makes it one of us; another one is somebody else who may push. */
  controller(key: "ours" | "theirs"): Promise<Controller>;
}

export interface Controller {
  readonly mirror: Mirror;
  readonly signer: Signer;
  readonly ledger: string;
  readonly keys: ReadonlyMap<string, string>;
}

export async function remotePlace(): Promise<Remote> {
  const program = execFileSync("sh", ["-c", "command -v git"], { encoding: "utf8" }).trim();
  const directory = mkdtempSync(join(tmpdir(), "sluice-orders-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }));
  const remote = await httpRemote();
  let mirrors = 0;
  const place: Remote = {
    remote,
    away: false,
    async controller(key) {
      const mirror = await nativeMirror({
        directory: join(directory, `${mirrors++}.git`),
        program,
        grows: LEDGER,
        remote: async () =>
          place.away ? { kind: "unreachable", why: "it is away" } : { kind: "ok", url: remote.url, token: null },
      });
      const signer = fileSigner(join(directory, key), undefined);
      return { mirror, signer, ledger: LEDGER, keys: new Map([[signer.keyId, signer.publicKey]]) };
    },
  };
  return place;
}

export function ordered(more: Partial<Asked> = {}): RunOrder {
  return orderOf(
    { id: "digits", concurrency: null },
    {
      repository: "42",
      source: sha("a"),
      request: "push:main",
      plan: digestOf("plan"),
      domain: "main",
      branch: "main",
      pullRequest: null,
      requestedBy: null,
      acceptedAt: "2026-01-01T00:00:00Z",
      pins: {},
      ...more,
    },
  );
}

const NOTHING_TO_SYNC = { barrier: async () => undefined } as unknown as Store;

/** How a controller records; nothing waits for bytes to be durable. */
export function recording({ mirror, signer, ledger, keys }: Controller): RecordPorts {
  return {
    git: mirror,
    signer,
    store: NOTHING_TO_SYNC,
    ledger: {
      ref: ledger,
      keys,
      refresh: async () => void (await mirror.refresh([ledger])),
      publish: ({ from, to }) => mirror.publish([{ ref: ledger, from, to }]),
    },
  };
}
