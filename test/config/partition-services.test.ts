// What each partition has, and what follows from it for a record that waits too long.

import { describe, expect, it } from 'vitest';
import { servicesAt } from '../../src/config/partition-services.ts';
import { expiringHours, givesUp } from '../../src/config/record-age.ts';

const [MIB, OLD] = [1_048_576, 262_144];

describe('the services of a partition', () => {
  it.each([
    ['us-east-1', [true, true, true, true, MIB, true]],
    ['zz-new-1', [true, true, true, true, MIB, true]],
    ['cn-north-1', [false, false, true, false, OLD, false]],
    ['us-gov-west-1', [false, false, false, true, MIB, false]],
    ['eusc-de-east-1', [false, false, false, false, OLD, false]],
    ['us-iso-east-1', [false, false, false, false, OLD, false]],
  ])('%s', (region, expected) => {
    const { onFailureBucket, mappingMetrics, jsonLogs, tracing, messageBytesMax, listPrices } =
      servicesAt(region);

    expect([
      onFailureBucket,
      mappingMetrics,
      jsonLogs,
      tracing,
      messageBytesMax,
      listPrices,
    ]).toEqual(expected);
  });
});

describe('a record that waits', () => {
  const waiting = (
    region: string,
    maxRecordAgeSeconds: number,
    deadLetters: 'whole' | 'projected' = 'whole',
  ) => ({
    deadLetters,
    source: { region, table: 'Orders', create: false },
    eventSource: {
      batchSize: 1,
      maxBatchingWindowSeconds: 0,
      parallelizationFactor: 1,
      enabled: true,
      retryAttempts: -1,
      maxRecordAgeSeconds,
    },
  });

  it.each([
    ['us-east-1', 3_600, 12],
    ['us-east-1', 82_800, 12],
    ['us-east-1', 43_200, 6, 'projected'],
    ['cn-north-1', 43_200, 6],
    ['cn-north-1', 82_800, 12],
    ['cn-north-1', 60, 1],
  ] as const)('in %s with at most %i s: its alarm fires after %i h', (...waits) => {
    const [region, seconds, hours, deadLetters] = waits;

    expect(expiringHours(waiting(region, seconds, deadLetters))).toBe(hours);
  });

  it('is stored, or only noted', () => {
    expect(givesUp(waiting('us-east-1', 60), 'it')).toBe('sends it to the on-failure bucket');
    expect(givesUp(waiting('us-gov-east-1', 60), 'it')).toContain(
      'only notes in the dead-letter queue',
    );
    expect(givesUp(waiting('us-east-1', 60, 'projected'), 'it')).toContain(
      'only notes in the dead-letter queue',
    );
  });
});
