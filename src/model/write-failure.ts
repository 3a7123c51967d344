// An error thrown by a write -> what it means for the record, and when to try again.
// Only `rejected` is final. Everything else leaves the record in the stream, which keeps it for a day.

/** What a failed write means. */
export type FailureKind =
  /** Refused for capacity: surely not applied; worth another try at once. */
  | 'throttled'
  /** Never reached a working table: surely not applied; the operator or the network must act. */
  | 'unreachable'
  /** Credentials or permissions: surely not applied; the operator must act. */
  | 'denied'
  /** The service will never take this request: the record is dead-lettered. */
  | 'rejected'
  /** Not sent, because another direction may be active by now: surely not applied. */
  | 'switching'
  /** May or may not have been applied: the item must not be written again in this invocation. */
  | 'unknown';

export const NO_FAILURES: Readonly<Record<FailureKind, number>> = {
  throttled: 0,
  unreachable: 0,
  denied: 0,
  rejected: 0,
  switching: 0,
  unknown: 0,
};

export interface WriteFailure {
  readonly kind: FailureKind;
  /** The service's or the network's name for it. */
  readonly name: string;
  readonly message: string;
}

// Names from the DynamoDB API reference ("Error handling", "Common errors"), the errors of the SDK's
// credential providers, and Node's network errors.
const KINDS: Readonly<Record<FailureKind, readonly string[]>> = {
  throttled: [
    'LimitExceededException',
    'ProvisionedThroughputExceededException',
    'ReplicatedWriteConflictException',
    'RequestLimitExceeded',
    'Throttling',
    'ThrottlingException',
    'TooManyRequestsException',
    'TransactionConflictException',
    'TransactionInProgressException',
  ],
  unreachable: [
    'EAI_AGAIN',
    'ECONNREFUSED',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'ENOTFOUND',
    'ResourceInUseException',
    'ResourceNotFoundException',
    'TableNotFoundException',
    'UND_ERR_CONNECT_TIMEOUT',
  ],
  denied: [
    'AccessDenied',
    'AccessDeniedException',
    'CredentialsProviderError',
    // Ferry's own, of a role that cannot be assumed or a secret that cannot be read.
    'CredentialsUnavailable',
    'ExpiredToken',
    'ExpiredTokenException',
    'IncompleteSignature',
    'IncompleteSignatureException',
    'InvalidClientTokenId',
    'InvalidSignatureException',
    'MissingAuthenticationToken',
    'MissingAuthenticationTokenException',
    'NotAuthorized',
    'OptInRequired',
    'ProviderError',
    'RequestExpired',
    'RequestTimeTooSkewed',
    'SignatureDoesNotMatch',
    'TokenProviderError',
    'UnrecognizedClientException',
  ],
  rejected: [
    'ItemCollectionSizeLimitExceededException',
    'SerializationException',
    'ValidationException',
  ],
  // Ferry's own.
  switching: ['LeaseLost'],
  unknown: [],
};

const KIND_OF = new Map(
  Object.entries(KINDS).flatMap(([kind, names]) =>
    names.map((name) => [name, kind as FailureKind]),
  ),
);

/** Anything not listed is `unknown`: the cautious reading, which loses nothing. */
export function classifyFailure(error: unknown): WriteFailure {
  const { name, code, message } = describe(error);
  const kind = KIND_OF.get(name) ?? KIND_OF.get(code) ?? 'unknown';
  return { kind, name: KIND_OF.has(name) || code === '' ? name : code, message };
}

/** Refused because of another write to the same item: fewer requests at once would not help. */
const CONTENTION: ReadonlySet<string> = new Set([
  'ReplicatedWriteConflictException',
  'TransactionConflictException',
  'TransactionInProgressException',
]);

/** Whether fewer requests at once may help. */
export function isOverload({ kind, name }: WriteFailure): boolean {
  return kind === 'unknown' || (kind === 'throttled' && !CONTENTION.has(name));
}

/** Delay before try number `attempt` (1 is the first repetition): full jitter, doubling to 2 s. */
export function retryDelayMs(attempt: number, random: number): number {
  return random * Math.min(2_000, 50 * 2 ** (attempt - 1));
}

function describe(error: unknown): { name: string; code: string; message: string } {
  if (typeof error !== 'object' || error === null)
    return { name: 'Error', code: '', message: String(error) };
  const { name, code, message } = error as { name?: unknown; code?: unknown; message?: unknown };
  return {
    name: typeof name === 'string' ? name : 'Error',
    code: typeof code === 'string' ? code : '',
    message: typeof message === 'string' ? message : '',
  };
}
