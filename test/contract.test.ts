// Figures that only make sense together.

import { expect, it } from 'vitest';
import * as contract from '../src/contract.ts';
import schema from '../ferry.schema.json' with { type: 'json' };

it('remembers deletes for longer than a dead letter can live', () => {
  expect(contract.TOMBSTONE_LIFE_SECONDS).toBeGreaterThan(contract.DEAD_LETTER_RETENTION_SECONDS);
});

it('keeps enough time for a request to settle', () => {
  expect(contract.SETTLE_MARGIN_MS).toBeGreaterThan(contract.REQUEST_TIMEOUT_MS);
});

it('waits for late requests for longer than a request has', () => {
  expect(contract.LATE_REQUEST_MS).toBeGreaterThan(contract.REQUEST_TIMEOUT_MS);
});

it('lets no function be so short that it could never start a write', () => {
  const { timeoutSeconds } = schema.definitions.function.properties;

  expect(timeoutSeconds.minimum * 1000).toBeGreaterThan(
    contract.SETTLE_MARGIN_MS + contract.LATE_REQUEST_MS - 5_000,
  );
});

it('gives records up before the stream forgets them', () => {
  const { maxRecordAgeSeconds } = schema.definitions.eventSource.properties;

  expect(maxRecordAgeSeconds.maximum).toBeLessThan(24 * 60 * 60);
  expect(maxRecordAgeSeconds.default).toBeLessThanOrEqual(20 * 60 * 60);
});
