import { spawn, type ChildProcess } from "node:child_process";
import { createHmac, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { startTwin, type Twin } from "../src/twin/twin.ts";
import type { TwinRepository } from "../src/twin/world.ts";
import { SLUICE } from "./place.ts";

/** A line of the service's log. */
export interface Line {
  readonly msg: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly trigger?: string;
  readonly number?: number;
  /** How a trigger's handling ended: only `done` is an end. */
  readonly end?: string;
}

/** `sluice serve` in a process of its own for a forge in ours; its log is the clock. */
export interface Served extends AsyncDisposable {
  readonly twin: Twin;
  readonly lines: readonly Line[];
  /** Ends when a line of the log holds; throws when it does not within `seconds`. */
  heard(what: string, holds: () => boolean, seconds: number): Promise<void>;
  /** Delivers as GitHub does; status and milliseconds until the answer. */
  deliver(event: string, payload: object): Promise<{ readonly status: number; readonly ms: number }>;
  /** Jobs that wait or are performed. */
  busy(): Promise<number>;
  /** Resident bytes of the service's own process. */
  resident(): number;
}

export async function serve(directory: string): Promise<Served> {
  const twin = await startTwin({ directory: join(directory, "forge") });
  const child = spawn(SLUICE, ["serve"], {
    env: {
      PATH: process.env["PATH"],
      HOME: directory,
      APP_ID: String(twin.app.id),
      PRIVATE_KEY: twin.app.privateKey,
      WEBHOOK_SECRET: twin.app.secret,
      GHE_PROTOCOL: "http",
      GHE_HOST: new URL(twin.url).host,
      HOST: "127.0.0.1",
      PORT: "0",
      LOG_LEVEL: "info",
      SLUICE_DATA: join(directory, "data"),
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const log = listen(child);
  const url = await log.url;
  const deliver: Served["deliver"] = async (event, payload) => {
    const body = JSON.stringify(payload);
    const began = performance.now();
    const answer = await fetch(`${url}/api/github/webhooks`, {
      method: "POST",
      body,
      headers: {
        "content-type": "application/json",
        "x-github-delivery": randomUUID(),
        "x-github-event": event,
        "x-hub-signature-256": `sha256=${createHmac("sha256", twin.app.secret).update(body).digest("hex")}`,
      },
    });
    await answer.arrayBuffer();
    return { status: answer.status, ms: performance.now() - began };
  };
  return {
    twin,
    lines: log.lines,
    heard: log.heard,
    deliver,
    async busy() {
      const text = await (await fetch(`${url}/metrics`)).text();
      const counts = text.matchAll(/^sluice_jobs\{.*state="(?:waiting|active)"\} (\d+)$/gm);
      return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
    },
    resident: () => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]) * 1_024,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await log.ended;
      await twin[Symbol.asyncDispose]();
    },
  };
}

function listen(child: ChildProcess) {
  const lines: Line[] = [];
  const listeners = new Set<() => void>();
  const { promise: url, resolve, reject } = Promise.withResolvers<string>();
  const ended = new Promise<void>((done) => child.on("exit", () => done()));
  let rest = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      const said = /serves at (http\S+),/.exec(part)?.[1];
      if (said !== undefined) resolve(said);
      if (!part.startsWith("{")) continue;
      const line = JSON.parse(part) as Omit<Line, "time"> & { readonly time: string };
      if (line.msg === "background" || line.msg === "job") process.stderr.write(`${part.slice(0, 500)}\n`);
      lines.push({ ...line, time: Date.parse(line.time) });
    }
    for (const listener of listeners) listener();
  });
  void ended.then(() => reject(new Error(`serve ended: ${rest}`)));
  const heard: Served["heard"] = (what, holds, seconds) =>
    new Promise((done, fail) => {
      const timer = setTimeout(() => end(() => fail(new Error(`${what}: not after ${seconds} s`))), seconds * 1_000);
      const look = (): void => void (holds() && end(done));
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        listeners.delete(look);
        settle();
      };
      listeners.add(look);
      look();
    });
  return { lines, url, ended, heard };
}

/** A repository of small pipelines that nothing runs by itself; each of `steps` steps reads the one before it. */
export function pipelines(
  twin: Twin,
  name: string,
  { count, steps }: { readonly count: number; readonly steps: number },
): Promise<TwinRepository> {
  const files: Record<string, string> = { "data.txt": "1\n" };
  for (let at = 0; at < count; at++) files[`pipelines/p${at}.yaml`] = pipeline(at, steps, 0);
  return twin.forge.repository({ owner: "acme", name, files, roles: { alice: "write" } });
}

export function pipeline(at: number, steps: number, value: number): string {
  const lines = ["version: 1", `name: p${at}`, "on: { push: false }", `params: { value: ${value} }`, "steps:"];
  for (let step = 0; step < steps; step++) {
    const input = step === 0 ? "data.txt" : `out/p${at}/${step - 1}.txt`;
    const output = `out/p${at}/${step}.txt`;
    lines.push(
      `  s${step}:`,
      `    run: [cp, ${input}, ${output}]`,
      `    inputs: [${input}]`,
      `    outputs: [${output}]`,
    );
    if (step === 0) lines.push("    params: [value]");
  }
  return `${lines.join("\n")}\n`;
}
