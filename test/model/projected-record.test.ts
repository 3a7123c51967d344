// A change at the source as the twin sees it: items that enter a projection are new there, those that leave it are
// deleted, and what the twin has never had is left out.

import { describe, expect, it } from 'vitest';
import type { Item } from '../../src/model/attribute-value.ts';
import { seriesInEpoch } from '../../src/model/guard.ts';
import { lacksOldImage, projectRecord } from '../../src/model/projected-record.ts';
import { type Projection, ProjectionFailed } from '../../src/model/projection.ts';
import { parseStreamRecord } from '../../src/model/stream-record.ts';
import { lambdaRecord } from '../fixtures/records.ts';

const RULES = { reservedAttribute: '_ferry', ttlDeletes: 'replicate' } as const;
const KEY = { pk: { S: 'a' } };
const IN = { ...KEY, country: { S: 'de' }, email: { S: 'a@example.com' } };
const OUT = { ...KEY, country: { S: 'fr' } };
const BROKEN = { ...KEY, country: { N: '1' } };

/** Keeps Germany, and drops emails. */
const PROJECTION: Projection = {
  digest: '0'.repeat(64),
  filters: true,
  project({ pk = { S: '' }, country }) {
    if (country?.S === undefined) throw new ProjectionFailed('ProjectionFailed', 'broken');
    return country.S === 'de' ? { pk, country } : undefined;
  },
};

interface Change {
  readonly eventName: 'INSERT' | 'MODIFY' | 'REMOVE';
  readonly before?: Item;
  readonly after?: Item;
}

function seen(
  { eventName, before, after }: Change,
  projection: Projection | undefined = PROJECTION,
) {
  const { dynamodb, ...record } = lambdaRecord({
    eventName,
    keys: KEY,
    attributes: { ...after },
  });
  const raw = { ...record, dynamodb: { ...dynamodb, ...(before && { OldImage: before }) } };
  const parsed = parseStreamRecord(raw, 0, seriesInEpoch(1));
  const projected = projectRecord(parsed, raw, { ...RULES, projection });
  return { parsed, projected, isBlind: lacksOldImage(projected, raw) };
}

describe('a change under a projection', () => {
  it.each<[string, Change, object]>([
    ['enters', { eventName: 'INSERT', after: IN }, { eventName: 'INSERT' }],
    ['enters later', { eventName: 'MODIFY', before: OUT, after: IN }, { eventName: 'INSERT' }],
    ['stays', { eventName: 'MODIFY', before: IN, after: IN }, { eventName: 'MODIFY' }],
    [
      'leaves',
      { eventName: 'MODIFY', before: IN, after: OUT },
      { eventName: 'REMOVE', leftOut: false },
    ],
    ['is out', { eventName: 'INSERT', after: OUT }, { eventName: 'REMOVE', leftOut: true }],
    [
      'stays out',
      { eventName: 'MODIFY', before: OUT, after: OUT },
      { eventName: 'REMOVE', leftOut: true },
    ],
    ['is deleted', { eventName: 'REMOVE', before: IN }, { eventName: 'REMOVE' }],
    [
      'is deleted outside',
      { eventName: 'REMOVE', before: OUT },
      { eventName: 'REMOVE', leftOut: true },
    ],
    ['may have been there', { eventName: 'REMOVE' }, { eventName: 'REMOVE' }],
    [
      'was broken',
      { eventName: 'MODIFY', before: BROKEN, after: OUT },
      { eventName: 'REMOVE', leftOut: false },
    ],
    [
      'enters from broken',
      { eventName: 'MODIFY', before: BROKEN, after: IN },
      { eventName: 'MODIFY' },
    ],
  ])('%s', (_, change, expected) => {
    const { projected, isBlind } = seen(change);

    expect(projected).toMatchObject({ kind: 'record', record: expected });
    expect(isBlind).toBe(false);
  });

  it('has what the projection makes, and remembers the source for its time', () => {
    const { projected } = seen({ eventName: 'INSERT', after: IN });

    expect(projected.record).toMatchObject({ sourceImage: IN });
    expect(projected.record).toHaveProperty('newImage', { ...KEY, country: { S: 'de' } });
  });

  it('is rejected where the projection fails', () => {
    const { projected } = seen({ eventName: 'INSERT', after: BROKEN });

    const reason = { class: 'rejected', name: 'ProjectionFailed', message: 'broken' };
    expect(projected).toMatchObject({ kind: 'malformed', record: { key: KEY, reason } });
    expect(projected.record.version).toBeDefined();
    // Its age counts while it waits.
    expect(projected.record.createdAtSeconds).toBeDefined();
  });

  it('is as it was without a projection', () => {
    const raw = lambdaRecord({ eventName: 'INSERT', keys: KEY, attributes: IN });
    const parsed = parseStreamRecord(raw, 0, seriesInEpoch(1));

    expect(projectRecord(parsed, raw, RULES)).toBe(parsed);
  });

  it.each(['INSERT', 'REMOVE'] as const)(
    'removes with %s what a skipped expiry may have left on the twin',
    (eventName) => {
      const { dynamodb, ...facts } = lambdaRecord({ eventName, keys: KEY, attributes: OUT });
      const old = eventName === 'REMOVE' && { OldImage: OUT };
      const raw = { ...facts, dynamodb: { ...dynamodb, ...old } };
      const parsed = parseStreamRecord(raw, 0, seriesInEpoch(1));
      const rules = { reservedAttribute: '_ferry', projection: PROJECTION } as const;

      const { record } = projectRecord(parsed, raw, { ...rules, ttlDeletes: 'skip' });

      expect(projectRecord(parsed, raw, { ...RULES, ...rules }).record).toMatchObject({
        leftOut: true,
      });
      expect(record).toMatchObject({ eventName: 'REMOVE' });
      expect(record).not.toMatchObject({ leftOut: true });
    },
  );

  it('needs the old image only where it leaves an item out', () => {
    expect(seen({ eventName: 'MODIFY', after: OUT }).isBlind).toBe(true);
    expect(seen({ eventName: 'MODIFY', after: IN }).isBlind).toBe(false);
    expect(seen({ eventName: 'INSERT', after: OUT }).isBlind).toBe(false);
    expect(seen({ eventName: 'REMOVE' }).isBlind).toBe(false);
  });

  it('is a delete where the old image makes no sense, which holds nothing up', () => {
    const before = { pk: { X: 'no type' } } as unknown as Item;
    const { projected, isBlind } = seen({ eventName: 'MODIFY', before, after: OUT });

    expect(projected.record).toMatchObject({ eventName: 'REMOVE', leftOut: false });
    expect(isBlind).toBe(false);
  });
});
