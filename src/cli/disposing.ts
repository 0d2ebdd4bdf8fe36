/** Uses a resource and disposes of it however that ends (`await using` is not read by every tool yet). */
export async function disposing<Resource extends AsyncDisposable, Value>(
  resource: Resource,
  use: (resource: Resource) => Promise<Value>,
): Promise<Value> {
  try {
    return await use(resource);
  } finally {
    await resource[Symbol.asyncDispose]();
  }
}
