// What one call of Ferry has found out about credentials, so that a command about many replications asks once.

export type Environment = Readonly<Record<string, string | undefined>>;

/** Makes a value for each key once. @param environment the object that the call has, and no copy of it. */
export function keyring<T>(): (environment: Environment, key: string, make: () => T) => T {
  const rings = new WeakMap<Environment, Map<string, T>>();
  return (environment, key, make) => {
    const ring = rings.get(environment) ?? new Map<string, T>();
    rings.set(environment, ring);
    const found = ring.get(key) ?? make();
    ring.set(key, found);
    return found;
  };
}
