// The measurement of a redrive, with few records: what it counts is what was put into the bucket.

import { expect, it } from 'vitest';
import { measureRedrive } from '../../bench/redrive-scene.ts';

it.each([
  [10, { applied: 110, coalesced: 990 }],
  [1, { applied: 1_100, coalesced: 0 }],
])(
  'redrives every record of a bucket: %i for each item',
  async (recordsPerItem, expected) => {
    const { report, ofLimit, peakMiB } = await measureRedrive({ records: 1_100, recordsPerItem });

    expect(report).toMatchObject({ found: 1_100, ...expected, left: 0, remaining: 0 });
    expect(ofLimit).toBeGreaterThan(0);
    expect(peakMiB).toBeGreaterThan(0);
  },
  300_000,
);
