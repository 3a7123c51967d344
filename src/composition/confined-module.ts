// What the code of a module cannot do by mistake: write what it sees to the console, which is the log of a function and
// the output of a command; end the process; or change what Ferry's own code runs on.

const SILENT = new Proxy(globalThis.console, { get: () => () => undefined });

function refuseExit(): never {
  throw new Error('a module cannot end the process');
}

/** Calls a function of the module. */
export function confined<Result>(call: () => Result): Result {
  const { console } = globalThis;
  // oxlint-disable-next-line typescript/unbound-method -- it is put back as it was
  const { exit } = process;
  globalThis.console = SILENT;
  process.exit = refuseExit;
  try {
    return call();
  } finally {
    globalThis.console = console;
    process.exit = exit;
  }
}

const FROZEN = [Array, Map, Object, Promise, Set, String];

/**
 * Called before a module is loaded. What one adds to all objects would be taken for attributes. Their prototype is not
 * frozen: nothing could be assigned to a `toString` of its own.
 */
export function protectBuiltIns(): void {
  Object.preventExtensions(Object.prototype);
  for (const builtIn of [JSON, ...FROZEN]) Object.freeze(builtIn);
  for (const { prototype } of FROZEN) if (prototype !== Object.prototype) Object.freeze(prototype);
}
