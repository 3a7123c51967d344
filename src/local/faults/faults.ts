// What can go wrong between Ferry and a DynamoDB endpoint, as data, and the decision which fault, if
// any, strikes a request. Pure: the proxy around it has the sockets and the timers.

import { FerryError } from '../../errors.ts';
import type { Random } from '../../ports.ts';

interface Selective {
  /** API operations that it is limited to, such as PutItem. @default all of them. */
  readonly operations?: readonly string[] | undefined;
}

interface WithShare extends Selective {
  /** Part of the requests that it strikes, 0 to 1. */
  readonly share: number;
}

interface WithDelay extends WithShare {
  readonly ms: number;
}

/** A fault that strikes single requests. */
export type RequestFault =
  /** Credentials or permissions: AccessDeniedException. */
  | ({ readonly kind: 'deny' } & Selective)
  /** ValidationException for puts, alone or in a transaction, whose body contains `marker`. */
  | ({ readonly kind: 'poison'; readonly marker: string } & Selective)
  /** ProvisionedThroughputExceededException; the engine never hears of the request. */
  | ({ readonly kind: 'throttle' } & WithShare)
  /** InternalServerError, in half of the cases after the request was applied. */
  | ({ readonly kind: 'error' } & WithShare)
  /** The connection is reset, in half of the cases after the request was applied. */
  | ({ readonly kind: 'reset' } & WithShare)
  /** Never answered: after `ms` the connection is cut, and only then is the request applied. */
  | ({ readonly kind: 'late' } & WithDelay)
  /** Applied at once, answered `ms` later. */
  | ({ readonly kind: 'slow' } & WithDelay);

/** An outage breaks connections, before their operation is known. */
export type Fault = RequestFault | { readonly kind: 'outage' };

/**
 * The order in which faults are tried on a request; the first that strikes wins. It is the service's
 * own: who asks, then what is asked, then whether there is capacity; what can happen to any request
 * comes last. Faults of one kind are tried in the order of their injection. An outage precedes all,
 * because no request gets through it.
 */
const ORDER = ['deny', 'poison', 'throttle', 'error', 'reset', 'late', 'slow'] as const;

/** Of the errors and resets that strike, the part in which the request is applied all the same. */
const APPLIED_SHARE = 0.5;

/** The operations that `poison` can strike: those that carry whole items. */
const PUT_OPERATIONS: readonly string[] = ['PutItem', 'TransactWriteItems'];

/** Bounds how long the body of a late request is kept. */
const DELAY_MS_MAX = 600_000;

export interface StruckRequest {
  readonly operation: string;
  readonly body: Buffer;
}

export interface Strike {
  readonly fault: RequestFault;
  /** Whether the request is applied first; of no meaning but for errors and resets. */
  readonly applied: boolean;
}

/** `faults` in the order in which they are tried. */
export function inOrder(faults: readonly RequestFault[]): readonly RequestFault[] {
  return faults.toSorted((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
}

/**
 * The first of `faults` that strikes the request. The same requests in the same order take the same
 * numbers from `random`, and so meet the same faults.
 */
export function strike(
  request: StruckRequest,
  faults: readonly RequestFault[],
  random: Random,
): Strike | undefined {
  const fault = faults.find((candidate) => strikes(candidate, request, random));
  if (fault === undefined) return undefined;
  return { fault, applied: random.next() < APPLIED_SHARE };
}

function strikes(fault: RequestFault, { operation, body }: StruckRequest, random: Random): boolean {
  if (fault.operations?.includes(operation) === false) return false;
  switch (fault.kind) {
    case 'deny':
      return true;
    case 'poison':
      return PUT_OPERATIONS.includes(operation) && body.includes(fault.marker);
    case 'throttle':
    case 'error':
    case 'reset':
    case 'late':
    case 'slow':
      return random.next() < fault.share;
  }
}

/**
 * Refuses a fault that could not be injected as it is meant.
 * @throws FerryError `local.fault.invalid`.
 */
export function checkFault(fault: Fault): void {
  const problem = problemOf(fault);
  if (problem === undefined) return;
  throw new FerryError(`The fault "${fault.kind}" cannot be injected: ${problem}.`, {
    code: 'local.fault.invalid',
  });
}

function problemOf(fault: Fault): string | undefined {
  if ('share' in fault && !(fault.share >= 0 && fault.share <= 1)) {
    return `share must be 0 to 1, got ${fault.share}`;
  }
  if ('ms' in fault && !(fault.ms >= 0 && fault.ms <= DELAY_MS_MAX)) {
    return `ms must be 0 to ${DELAY_MS_MAX}, got ${fault.ms}`;
  }
  if (fault.kind === 'poison' && fault.marker === '') return 'marker must not be empty';
  return undefined;
}

/** An error that the service answers with. */
export interface Refusal {
  readonly status: number;
  /** Shape id, for `__type` in the body. */
  readonly type: string;
  readonly message: string;
}

/** The answers of the faults that answer, with statuses and shape ids as the service has them. */
export const REFUSALS = {
  deny: {
    status: 400,
    type: 'com.amazon.coral.service#AccessDeniedException',
    message: 'Not authorized to perform this operation: injected by the fault layer',
  },
  poison: {
    status: 400,
    type: 'com.amazon.coral.validate#ValidationException',
    message: 'One or more parameter values were invalid: injected by the fault layer',
  },
  throttle: {
    status: 400,
    type: 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException',
    message: 'The provisioned throughput was exceeded: injected by the fault layer',
  },
  error: {
    status: 500,
    type: 'com.amazonaws.dynamodb.v20120810#InternalServerError',
    message: 'Internal server error: injected by the fault layer',
  },
} as const satisfies Partial<Record<RequestFault['kind'], Refusal>>;
