/** What planning and running need of the world beyond "nothing to do": loaded at once, because each file costs. */
export { ownEnvironments } from "../../executor/environment.ts";
export { processExecutor } from "../../executor/process-executor.ts";
export { withContainers } from "../../executor/with-containers.ts";
export { withKubernetes } from "../../executor/with-kubernetes.ts";
export { withSlurm } from "../../executor/with-slurm.ts";
export { sqliteHistory } from "../../index/sqlite-history.ts";
export { inProcessDispatcher } from "../../queue/in-process-dispatcher.ts";
export { fileSigner } from "../../signer/file-signer.ts";
export { filesystemStore } from "../../store/filesystem-store.ts";
