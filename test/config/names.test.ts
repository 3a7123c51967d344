// Figures that only make sense together.

import { expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import * as contract from '../../src/config/names.ts';
import schema from '../../ferry.schema.json' with { type: 'json' };

/** The longest that SQS delays a message. */
const DELAY_SECONDS_MAX = 900;

const { timeoutSeconds } = schema.definitions.function.properties;

it('remembers deletes for longer than a dead letter can live', () => {
  expect(contract.TOMBSTONE_LIFE_SECONDS).toBeGreaterThan(contract.DEAD_LETTER_RETENTION_SECONDS);
});

it('remembers deletes for longer than an announcement can live', () => {
  expect(contract.TOMBSTONE_LIFE_SECONDS).toBeGreaterThan(contract.LOOK_AGAIN_RETENTION_SECONDS);
});

it('begins a write only while there is time for its answer, for a late one, and for its own', () => {
  const { WRITE_TIME_MS, REQUEST_TIMEOUT_MS, LATE_REQUEST_MS, ANSWER_MARGIN_MS } = contract;

  expect(WRITE_TIME_MS).toBeGreaterThanOrEqual(
    REQUEST_TIMEOUT_MS + LATE_REQUEST_MS + ANSWER_MARGIN_MS,
  );
});

it('begins a letter or an announcement only while there is time for its answer and its own', () => {
  const { TAIL_TIME_MS, REQUEST_TIMEOUT_MS, ANSWER_MARGIN_MS } = contract;

  expect(TAIL_TIME_MS).toBeGreaterThanOrEqual(REQUEST_TIMEOUT_MS + ANSWER_MARGIN_MS);
});

it('keeps the time for letters and announcements out of the time for writes', () => {
  const { WRITE_TIME_MS, TAIL_MS, TAIL_TIME_MS } = contract;

  expect(WRITE_TIME_MS + TAIL_MS).toBeGreaterThan(TAIL_TIME_MS);
});

it('waits for late requests for longer than a request has', () => {
  expect(contract.LATE_REQUEST_MS).toBeGreaterThan(contract.REQUEST_TIMEOUT_MS);
});

it('lets no function be so short that it could never start a write', () => {
  expect(timeoutSeconds.minimum * 1000).toBeGreaterThan(contract.WRITE_TIME_MS + contract.TAIL_MS);
});

it('answers a batch that is held back within the shortest timeout', () => {
  expect(contract.HELD_ANSWER_MS + contract.ANSWER_MARGIN_MS).toBeLessThan(
    timeoutSeconds.minimum * 1000,
  );
});

it('looks at deletes again once no insert can land that was decided before them', () => {
  const { YOUNG_MS, REQUEST_TIMEOUT_MS, LATE_REQUEST_MS } = contract;
  const landedMs = timeoutSeconds.default * 1000 + YOUNG_MS + REQUEST_TIMEOUT_MS + LATE_REQUEST_MS;

  expect(contract.lookAgainSeconds(timeoutSeconds.default) * 1000).toBeGreaterThan(landedMs);
  expect(contract.lookAgainSeconds(timeoutSeconds.default)).toBe(125);
});

it('delays no announcement for longer than SQS can', () => {
  const { CHECKED_TIMEOUT_SECONDS_MAX, lookAgainSeconds } = contract;

  expect(CHECKED_TIMEOUT_SECONDS_MAX).toBe(835);
  expect(lookAgainSeconds(CHECKED_TIMEOUT_SECONDS_MAX)).toBe(DELAY_SECONDS_MAX);
});

/** By default. */
function ageIn(region: string, eventSource: object = {}): number | undefined {
  const source = { region, table: 'Orders', create: true, partitionKey: { name: 'pk', type: 'S' } };
  const destination = { region, table: 'Twin' };
  const { replications } = parseConfig({
    replications: [{ name: 'orders', source, destination, eventSource }],
  });
  return replications[0]?.eventSource.maxRecordAgeSeconds;
}

it('gives records up before the stream forgets them', () => {
  const last = 24 * 60 * 60 - 1;

  // Kinesis allows more, and -1. test/config/kinesis.test.ts has the rest.
  expect(() => ageIn('us-east-1', { maxRecordAgeSeconds: last })).toThrow('must be 60 to 82800');
  expect(() => ageIn('us-east-1', { maxRecordAgeSeconds: -1 })).toThrow('must be 60 to 82800');
  expect(ageIn('us-east-1')).toBe(20 * 60 * 60);
  expect(ageIn('cn-north-1')).toBe(12 * 60 * 60);
});
