import { closeSync, openSync, writeSync } from "node:fs";
import { Writable } from "node:stream";

import { Log } from "@kubernetes/client-node";

import type { Cluster } from "./kubernetes-cluster.ts";
import { CONTAINER } from "./kubernetes-document.ts";

/** Copies what a pod says into a log while it runs. */
export interface FollowedLog {
  /** The container has ended; ends when its last words are there, or cannot be had. */
  end(): Promise<void>;
}

/** After a stream that broke off. */
const AGAIN_MS = 1_000;
/** The container has ended and its words still do not come. */
const LAST_MS = 10_000;
const ROTATED = "\n[the node rotated this log: lines may be missing here, or stand twice]\n";

/** Follows the log of a pod through the API server; a stream that breaks off is taken up where it broke. */
export function followLog(cluster: Cluster, pod: string, path: string): FollowedLog {
  const log = new Log(cluster.config);
  const state = { ended: false, written: 0 };
  const append = appender(path);
  const stop = new AbortController();
  let hurry = (): void => undefined;

  async function follow(): Promise<void> {
    for (;;) {
      const last = state.ended;
      const complete = await pass();
      if (stop.signal.aborted || (complete && state.ended) || last) return;
      // Ended and broken off: one more pass, with what the node still has.
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, AGAIN_MS);
        hurry = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async function pass(): Promise<boolean> {
    const skipped = await copy(state.written);
    if (skipped.complete && skipped.total < state.written) {
      append(Buffer.from(ROTATED));
      const again = await copy(0);
      state.written = again.total;
      return again.complete;
    }
    state.written = Math.max(state.written, skipped.total);
    return skipped.complete;
  }

  async function copy(from: number): Promise<{ readonly total: number; readonly complete: boolean }> {
    let total = 0;
    const into = new Writable({
      write(chunk: Buffer, _, done) {
        const before = total;
        total += chunk.length;
        if (total > from) append(chunk.subarray(Math.max(0, from - before)));
        done();
      },
    });
    const complete = new Promise<boolean>((resolve) => {
      into.once("finish", () => resolve(true));
      into.once("error", () => resolve(false));
      // Of a stream that breaks off, the client's pipe tells nobody.
      into.once("pipe", (source) => source.once("error", () => resolve(false)));
      stop.signal.addEventListener("abort", () => resolve(false), { once: true });
    });
    try {
      const stream = await log.log(cluster.namespace, pod, CONTAINER, into, { follow: true });
      const whole = await complete;
      stream.abort();
      return { total, complete: whole };
    } catch {
      // Not begun yet, gone, or no answer: the next pass tells.
      return { total, complete: false };
    }
  }

  const following = follow();
  return {
    async end() {
      state.ended = true;
      hurry();
      const timer = setTimeout(() => stop.abort(), LAST_MS);
      await following;
      clearTimeout(timer);
    },
  };
}

/** Writes until it cannot: an error in a stream would end the worker, and a log with a hole would say less than its end. */
function appender(path: string): (bytes: Uint8Array) => void {
  let broken = false;
  return (bytes) => {
    if (broken) return;
    try {
      writeTo(path, bytes);
    } catch (error) {
      broken = true;
      const why = error instanceof Error && "code" in error ? String(error.code) : String(error);
      try {
        writeTo(path, Buffer.from(`\n[this log could not be written any further: ${why}]\n`));
      } catch {
        // There is no room for that either.
      }
    }
  };
}

function writeTo(path: string, bytes: Uint8Array): void {
  const file = openSync(path, "a", 0o600);
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at, bytes.length - at);
  } finally {
    closeSync(file);
  }
}
