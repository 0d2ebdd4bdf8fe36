/** Of machines that nobody has seen yet: anything may come. */
export const UNBOUNDED = {
  cpu: Number.POSITIVE_INFINITY,
  memoryBytes: Number.POSITIVE_INFINITY,
  gpus: Number.POSITIVE_INFINITY,
};
