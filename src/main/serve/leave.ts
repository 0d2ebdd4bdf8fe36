/** Whether an end came in time: what waits for a queue that was away may wait for ever, and dying is safe at any moment. */
export async function endsWithin(ms: number, end: PromiseLike<unknown>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(() => resolve(false), ms);
  try {
    return await Promise.race([end.then(() => true), promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Ends this process once nothing is left to do, and soon in any case: a connection that hangs holds nobody up. */
export function leaveSoon(code: number): number {
  setTimeout(() => process.exit(code), 2_000).unref();
  return code;
}

/** Work whose failure ends this process, with whatever code is set for that: what it has opened until then holds it no longer. */
export async function orLeave<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    setTimeout(() => process.exit(), 2_000).unref();
    throw error;
  }
}
