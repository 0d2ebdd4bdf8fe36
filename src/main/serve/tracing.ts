import type { Telemetry } from "bullmq";

type Attributes = Readonly<Record<string, string | number>>;

/** How work is told to whoever collects traces; names and numbers only, never a value that somebody wrote. */
export interface Tracing extends AsyncDisposable {
  span<Value>(name: string, attributes: Attributes, work: () => Promise<Value>): Promise<Value>;
  /** Has BullMQ carry the trace from whoever adds a job to whoever performs it. */
  readonly telemetry: Telemetry | undefined;
}

/** Nobody collects. */
export const noTracing: Tracing = {
  span: (_name, _attributes, work) => work(),
  telemetry: undefined,
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

/** A part of main.ts: traces over OTLP/HTTP where a standard variable names a collector; only then anything is loaded. */
export async function openTracing(
  variable: (name: string) => string | undefined,
  { role, version }: { readonly role: "serve" | "worker"; readonly version: string },
): Promise<Tracing> {
  const url = collectorOf(variable);
  if (url === undefined || variable("OTEL_SDK_DISABLED") === "true") return noTracing;
  const { SpanStatusCode, trace } = await import("@opentelemetry/api");
  const { BatchSpanProcessor, NodeTracerProvider } = await import("@opentelemetry/sdk-trace-node");
  const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");
  const { resourceFromAttributes } = await import("@opentelemetry/resources");
  const { BullMQOtel } = await import("bullmq-otel");
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({
      "service.name": variable("OTEL_SERVICE_NAME") ?? "sluice",
      "service.version": version,
      "sluice.role": role,
    }),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url }))],
  });
  provider.register();
  const tracer = trace.getTracer("sluice", version);
  return {
    telemetry: new BullMQOtel({ tracerName: "sluice.queue", version }),
    span: (name, attributes, work) =>
      tracer.startActiveSpan(name, { attributes }, async (span) => {
        try {
          return await work();
        } catch (error) {
          // Its words may hold what somebody wrote: they are for the log.
          span.setStatus({ code: SpanStatusCode.ERROR });
          throw error;
        } finally {
          span.end();
        }
      }),
    // A collector that is away keeps nobody from leaving.
    [Symbol.asyncDispose]: () => provider.shutdown().catch(() => undefined),
  };
}

/** By OpenTelemetry's own rules: the address for traces is taken as it is, the one for everything is completed. */
function collectorOf(variable: (name: string) => string | undefined): string | undefined {
  const traces = variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
  if (traces !== undefined && traces !== "") return traces;
  const all = variable("OTEL_EXPORTER_OTLP_ENDPOINT");
  return all === undefined || all === "" ? undefined : `${all.replace(/\/+$/, "")}/v1/traces`;
}
