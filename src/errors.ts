// The one error class Ferry throws on purpose: for refusals, never for expected results.

export interface FerryErrorDetails {
  /** Stable dotted code, for machines: `config.invalid`, `local.engine.missing`. */
  readonly code: string;
  /** What to do about it, in one sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** An error whose message tells an operator what was wrong and whose hint tells what to do. */
export class FerryError extends Error {
  readonly code: string;
  readonly hint: string | undefined;

  constructor(message: string, { code, hint, cause }: FerryErrorDetails) {
    super(message, { cause });
    this.name = 'FerryError';
    this.code = code;
    this.hint = hint;
  }
}

/** The caller used a command or a configuration wrongly: exit code 2. */
export class UsageError extends FerryError {
  override readonly name = 'UsageError';
}

/** Name and message of anything thrown, as one line. */
export function describeError(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** For a failure of one's own among those of services and networks, which are told apart by their names. */
export function namedError(name: string, message = name): Error {
  return Object.assign(new Error(message), { name });
}
