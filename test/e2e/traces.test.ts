import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { expect, onTestFinished, test } from "vitest";

import { digits } from "./repositories.ts";
import { gitIn, nothingToDo, town } from "./town.ts";

const TOKEN = "correct/horse battery+staple";
const OPERATOR = `version: 1
pools: { default: { concurrency: 2 } }
installations: [{ account: acme, sources: ["env:UPSTREAM_TOKEN"] }]
`;
const FILES = {
  "sluice.yaml": `version: 1
secrets: { TOKEN: { from: "env:UPSTREAM_TOKEN", pipelines: [sum], steps: [add] } }
`,
  "pipelines/sum.yaml": `version: 1
name: sum
steps:
  add:
    run: 'echo "$TOKEN"; echo 1 > sum.txt; test "$SLUICE_ATTEMPT" = 2'
    secrets: [TOKEN]
    outputs: [sum.txt]
    cache: false
    retry: { attempts: 2, on: ["exit:1"], delay: 1s }
`,
};

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[];
}

/** Takes what OpenTelemetry's collectors take: OTLP over HTTP, as JSON. */
async function collector() {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      if (request.url === "/v1/traces") bodies.push(body);
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const spans = (): readonly Span[] =>
    bodies.flatMap((body) => {
      const sent = JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] };
      return sent.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
    });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans, said: () => bodies.join("\n") };
}

/** Names of the spans that the first attempt follows from, and its own. */
function lineOf(spans: readonly Span[]): readonly string[] {
  const parents = new Map(spans.map((span) => [span.spanId, span]));
  const names: string[] = [];
  let at = spans.find((span) => span.name === "attempt");
  for (; at !== undefined; at = parents.get(at.parentSpanId ?? "")) names.unshift(at.name);
  return names;
}

interface Line {
  readonly msg: string;
  readonly correlation?: string;
  readonly run?: string;
}

test(
  "one trace and one name in the log lead from a delivery to the attempts of its run; metrics count them",
  { timeout: 120_000 },
  async () => {
    const { url, spans, said } = await collector();
    const lines: string[] = [];
    const place = await town({
      operator: OPERATOR,
      variables: { UPSTREAM_TOKEN: TOKEN, OTEL_EXPORTER_OTLP_ENDPOINT: url },
      logged: (line) => lines.push(line),
    });
    // What a service looks at when it starts follows from no delivery.
    await place.until("the first look is over", () => lines.some((line) => line.includes('"trigger":"everywhere"')));
    await nothingToDo(place);
    const repository = await digits(place.twin.forge, FILES);
    const ledger = (): Promise<string> =>
      gitIn(repository.directory, "log", "--format=%s", "sluice/ledger", "--").catch(() => "");
    await place.until("it is recorded", async () => (await ledger()).startsWith("sum: succeeded"));
    const log = (): readonly Line[] => lines.map((line) => JSON.parse(line) as Line);
    await place.until("the run is told", () => log().some(({ msg }) => msg === "run"));

    const attempts = log().filter(({ msg }) => msg === "attempt");
    expect(attempts).toHaveLength(2);
    const name = attempts[0]?.correlation;
    expect(name).toMatch(/^[\w-]{8,}$/);
    const named = log().filter(({ correlation }) => correlation === name);
    expect(new Set(named.map(({ msg }) => msg))).toEqual(new Set(["delivery", "handled", "run", "attempt"]));

    await place.until("traces have come", () => spans().filter((span) => span.name === "attempt").length === 2);
    await place.until("the run's span has come", () => spans().some((span) => span.name === "run"));
    // Spans end, and are sent, in another order than they began.
    await place.until("what the attempt follows from has come", () => lineOf(spans())[0] === "delivery");
    const [attempt] = spans().filter((span) => span.name === "attempt");
    const trace = spans().filter(({ traceId }) => traceId === attempt?.traceId);
    expect(trace.map((span) => span.name)).toEqual(
      expect.arrayContaining(["delivery", "handle", "accept", "run", "plan", "attempt"]),
    );
    const above = lineOf(spans());
    expect(above.indexOf("run")).toBeGreaterThan(above.indexOf("handle"));
    expect(attempt?.attributes.map(({ key }) => key)).toEqual(["sluice.run", "sluice.step", "sluice.attempt"]);
    for (const text of [said(), lines.join("")]) expect(text).not.toMatch(/horse|PRIVATE KEY|development/);

    const metrics = await (await fetch(`${place.service.web.url}/metrics`)).text();
    expect(metrics).toContain('sluice_step_attempts_total{end="exit"} 1\n');
    expect(metrics).toContain('sluice_step_attempts_total{end="succeeded"} 1\n');
    expect(metrics).toContain('sluice_step_retries_total{because="exit"} 1\n');
    expect(metrics).toContain("sluice_step_cache_hits_total 0\n");
    expect(metrics).toContain("sluice_step_run_seconds_count 2\n");
    expect(metrics).toMatch(/^sluice_step_queue_seconds_bucket\{le="\+Inf"\} 2$/m);
  },
);
