import type { AttemptOrder } from "../../executor/executor.ts";
import { fillArgument, fillShell } from "../../expression/template.ts";
import type { JsonObject } from "../../identity/canonical-json.ts";
import { parameterEnvironment } from "../../pipeline/parameters.ts";
import type { Step } from "../../pipeline/pipeline.ts";
import type { Deploys, Failure } from "../../run/run-record.ts";
import type { StepJob } from "../../run/step-job.ts";
import { openCheckpoint } from "./step-checkpoint.ts";
import type { StepContext, StepPorts } from "./step-context.ts";

/** What an executor is asked to do for an attempt, or why nobody is asked. */
export async function attemptOrder(
  ports: StepPorts,
  context: StepContext,
  job: StepJob,
): Promise<{ readonly order: AttemptOrder } | { readonly failure: Failure }> {
  const { step } = job.step;
  const secrets = context.secrets(step);
  if (secrets.kind === "refused") return { failure: secrets.failure };
  const inputs = await context.stage(job);
  if (!Array.isArray(inputs)) return { failure: inputs as Failure };
  const params = context.params(step);
  const uncached = !step.cache || step.effects;
  const lock = job.document.environment?.lock ?? null;
  return {
    order: {
      id: job.id,
      argv: argvOf(step, params),
      env: {
        ...step.env,
        ...parameterEnvironment(params),
        ...(uncached ? { SLUICE_RUN: context.run, SLUICE_STEP: step.name, SLUICE_ATTEMPT: String(job.attempt) } : {}),
        ...deploymentEnvironment(context.deploys),
        ...(step.effects ? { SLUICE_IDEMPOTENCY_KEY: `${context.run}-${job.key.slice(7, 23)}` } : {}),
      },
      inputs: [...inputs, ...openCheckpoint(ports, context, job)],
      outputs: job.document.outputs.map(({ path, kind }) => ({ path, directory: kind === "directory" })),
      network: step.network,
      ...(context.sandbox === "require" ? { sandbox: "require" as const } : {}),
      secrets: secrets.values,
      environment: step.environment,
      ...(lock === null ? {} : { lock }),
      tools: step.tools,
      timeoutMs: step.timeoutMs,
      memoryBytes: job.memoryBytes,
      ...batchOf(step),
    },
  };
}

function batchOf({ executor, resources }: Step): Pick<AttemptOrder, "batch"> {
  if (executor !== "slurm" && executor !== "kubernetes") return {};
  return { batch: { system: executor, cpus: resources.cpu, gpus: resources.gpu } };
}

function deploymentEnvironment(deploys: Deploys | null): Readonly<Record<string, string>> {
  if (deploys === null) return {};
  const { environment, run, number } = deploys;
  return { SLUICE_ENVIRONMENT: environment, SLUICE_RELEASE: run, SLUICE_DEPLOYMENT: String(number) };
}

function argvOf(step: Step, params: JsonObject): readonly string[] {
  const { command } = step;
  if (command.kind === "argv") return command.argv.map((argument) => fillArgument(argument, params));
  const script = fillShell(command.script, params);
  return command.shell === "bash" ? ["bash", "-eu", "-o", "pipefail", "-c", script] : ["sh", "-eu", "-c", script];
}
