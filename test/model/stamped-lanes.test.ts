import { describe, expect, it } from 'vitest';
import { stampedLanes } from '../../src/model/stamped-lanes.ts';
import { stampedRecord } from '../../src/model/stamped-record.ts';
import { streamRecord } from '../fixtures/records.ts';
import { changed } from '../fixtures/switched.ts';
import { at, byFerry, stamped, STAMPED } from '../fixtures/two-way.ts';

type Facts = Parameters<typeof changed>[0];

const RULES = {
  reservedAttribute: '_ferry',
  heartbeatKeyText: undefined,
  ttlDeletes: 'skip',
  twoWay: STAMPED,
} as const;

/** In the order of the stream. */
const lanesOf = (...batch: readonly Facts[]) =>
  stampedLanes(
    batch.map((facts, position) => {
      const numbered = { sequenceNumber: String(position + 1), ...facts };
      return stampedRecord(streamRecord(numbered, position), changed(numbered), RULES);
    }),
  );
const positions = (records: ReadonlyArray<{ readonly record: { readonly position: number } }>) =>
  records.map(({ record }) => record.position);
const put = (v: string, before?: object): Facts => ({ attributes: stamped(v), before });
const own = (v: string, before?: object): Facts => ({ attributes: byFerry(v), before });
const REMOVE = { eventName: 'REMOVE', before: {} };

describe('of the puts of a run', () => {
  it('the one with the largest version comes first', () => {
    const [lane] = lanesOf(put(at(1, 1)), put(at(9, 1), {}), put(at(5, 1), {}));

    expect(lane?.runs).toHaveLength(1);
    expect(positions(lane?.runs[0]?.pushes ?? [])).toEqual([1, 2, 0]);
  });

  it.each<[string, Facts[], string | undefined]>([
    [
      'the first one’s old version',
      [put(at(2, 1), byFerry(at(1, 2))), put(at(4, 1), {})],
      at(1, 2),
    ],
    [
      'those of Ferry between them',
      [put(at(2, 1), stamped(at(1, 1))), own(at(3, 2), stamped(at(2, 1))), put(at(4, 1), {})],
      at(3, 2),
    ],
    ['those of Ferry before them', [own(at(3, 2), {}), put(at(4, 1), byFerry(at(3, 2)))], at(3, 2)],
    ['nothing', [{ eventName: 'INSERT', ...put(at(4, 1)) }], undefined],
  ])('what they had seen is known: %s', (_, batch, seen) => {
    expect(lanesOf(...batch)[0]?.runs[0]?.seen).toBe(seen);
  });

  it('all inserts of Ferry are looked at', () => {
    const [lane] = lanesOf(
      { eventName: 'INSERT', ...own(at(1, 2)) },
      own(at(2, 2), byFerry(at(1, 2))),
      own(at(3, 2), {}),
    );

    expect(positions(lane?.runs[0]?.checks ?? [])).toEqual([0, 2]);
  });

  it('one insert says that a place may have been empty', () => {
    const later = put(at(2, 1), stamped(at(1, 1)));
    const isNew = (...batch: readonly Facts[]) => lanesOf(...batch)[0]?.runs[0]?.isNew;

    expect(isNew({ eventName: 'INSERT', ...put(at(1, 1)) }, later)).toBe(true);
    expect(isNew(later)).toBe(false);
  });
});

describe('a run', () => {
  it('ends with a delete, and is reported by its first record, of whatever kind', () => {
    const [lane] = lanesOf(
      own(at(2, 2), byFerry(at(1, 2))),
      put(at(3, 1), byFerry(at(2, 2))),
      REMOVE,
      put(at(9, 1)),
    );

    expect(lane?.runs.map(({ first, end }) => [first, end?.record.position])).toEqual([
      [0, 2],
      [3, undefined],
    ]);
  });

  it('ends with a delete that is skipped, and has no end then', () => {
    const [lane] = lanesOf(put(at(1, 1)), { ...REMOVE, expired: true }, put(at(2, 1)));

    expect(lane?.runs.map(({ pushes, end }) => [positions(pushes), end])).toEqual([
      [[0], undefined],
      [[2], undefined],
    ]);
  });

  it('of a delete alone is reported by it', () => {
    expect(lanesOf(REMOVE)[0]?.runs).toMatchObject([{ first: 0, checks: [], pushes: [] }]);
  });
});

it('an item has a lane, in the order of its stream, if there is something to do', () => {
  const lanes = lanesOf(
    { id: 'b', sequenceNumber: '9', ...put(at(2, 1), {}) },
    { id: 'a', ...own(at(2, 2), byFerry(at(1, 2))) },
    { id: 'b', sequenceNumber: '3', ...REMOVE },
  );

  expect(lanes).toHaveLength(1);
  expect(lanes[0]?.runs.map(({ first }) => first)).toEqual([2, 0]);
});
