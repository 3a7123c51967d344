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

/** Name and message of anything thrown, as one line; of what only gathers errors, its first. */
export function describeError(error: unknown): string {
  if (error instanceof AggregateError && error.message === '' && error.errors.length > 0) {
    return describeError(error.errors[0]);
  }
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** Which request to AWS failed, as far as it is known. Names only, never contents. */
export interface FailedRequest {
  /** As IAM names it, such as `dynamodb`. */
  readonly service: string;
  /** As the API names it, such as `DescribeTable`. */
  readonly operation: string;
  /** Name, URL or ARN of what the request is about. */
  readonly resource: string | undefined;
  readonly region: string | undefined;
  readonly endpoint: string | undefined;
}

const REQUESTS = new WeakMap<object, FailedRequest>();

/** Notes for an error which request failed with it. The first note stays. */
export function noteRequest(error: unknown, request: FailedRequest): void {
  if (typeof error !== 'object' || error === null || REQUESTS.has(error)) return;
  REQUESTS.set(error, request);
}

/** The request that failed with this error, or with one that caused it. */
export function requestOf(error: unknown): FailedRequest | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  return REQUESTS.get(error) ?? (error instanceof Error ? requestOf(error.cause) : undefined);
}

/** For Ferry's own failures: those of services and networks are distinguished by name, too. */
export function namedError(name: string, message = name): Error {
  return Object.assign(new Error(message), { name });
}
