import { describe, expect, it } from 'vitest';
import { classifyFailure, isOverload, retryDelayMs } from '../../src/model/write-failure.ts';

const named = (name: string, code?: string) => Object.assign(new Error('why'), { name, code });

describe('classifyFailure', () => {
  it.each([
    [named('ProvisionedThroughputExceededException'), 'throttled'],
    [named('ThrottlingException'), 'throttled'],
    [named('RequestLimitExceeded'), 'throttled'],
    [named('TransactionConflictException'), 'throttled'],
    [named('Error', 'ECONNREFUSED'), 'unreachable'],
    [named('AggregateError', 'ECONNREFUSED'), 'unreachable'],
    [named('Error', 'ENOTFOUND'), 'unreachable'],
    [named('ResourceNotFoundException'), 'unreachable'],
    [named('AccessDeniedException'), 'denied'],
    [named('ExpiredTokenException'), 'denied'],
    [named('CredentialsProviderError'), 'denied'],
    [named('ValidationException'), 'rejected'],
    [named('ItemCollectionSizeLimitExceededException'), 'rejected'],
    [named('TimeoutError'), 'unknown'],
    [named('Error', 'ECONNRESET'), 'unknown'],
    [named('AbortError'), 'unknown'],
    [named('InternalServerError'), 'unknown'],
    [named('ServiceUnavailable'), 'unknown'],
    [named('SomethingNew'), 'unknown'],
    ['not even an error', 'unknown'],
    [undefined, 'unknown'],
    [null, 'unknown'],
  ])('reads %s as %s', (error, kind) => {
    expect(classifyFailure(error).kind).toBe(kind);
  });

  it('keeps the name that tells most', () => {
    expect(classifyFailure(named('Error', 'ECONNREFUSED')).name).toBe('ECONNREFUSED');
    expect(classifyFailure(named('ValidationException')).name).toBe('ValidationException');
  });
});

it.each([
  ['ThrottlingException', true],
  ['TransactionConflictException', false],
  ['TransactionInProgressException', false],
  ['ReplicatedWriteConflictException', false],
  ['TimeoutError', true],
  ['AccessDeniedException', false],
  ['ValidationException', false],
])('fewer requests at once may help against %s: %s', (name, may) => {
  expect(isOverload(classifyFailure(named(name)))).toBe(may);
});

describe('retryDelayMs', () => {
  it('doubles up to two seconds, and chance takes any share of it', () => {
    expect([1, 2, 3, 6, 7, 20].map((attempt) => retryDelayMs(attempt, 1))).toEqual([
      50, 100, 200, 1_600, 2_000, 2_000,
    ]);
    expect(retryDelayMs(5, 0)).toBe(0);
  });
});
