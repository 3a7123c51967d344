// Dead letters of a table with stamped writes: a letter is final only once both sides of its item were made equal.

import { describe, expect, it } from 'vitest';
import type { MergeContext } from '../../src/merge/merge-key.ts';
import type { Pace } from '../../src/pacing/pace.ts';
import { seriesInEpoch } from '../../src/model/guard.ts';
import { parseStreamRecord } from '../../src/model/stream-record.ts';
import type { RecordContext } from '../../src/redrive/context.ts';
import type { DeadLetter } from '../../src/redrive/dead-letter.ts';
import { redriveStamped } from '../../src/redrive/stamped.ts';
import { destinationHealth } from '../../src/replicate/destination-health.ts';
import { controlRow, invocation, scripted, scriptedReader } from '../fixtures/replication.ts';
import { changed } from '../fixtures/switched.ts';
import { at, byFerry, rulesWith, STAMPED } from '../fixtures/two-way.ts';

describe('a run that is stopped before both sides are equal', () => {
  it('leaves a letter, even of a record that needs nothing', async () => {
    const nothing = scripted(() => ({ kind: 'written' }));
    const record = changed({ attributes: byFerry(at(2, 2)), before: byFerry(at(1, 2)) });
    const parsed = parseStreamRecord(record, 0, seriesInEpoch(1));
    const stopping = new AbortController();
    const rules = { ...rulesWith(STAMPED), twoWay: STAMPED };
    const reader = scriptedReader(() => ({ items: [], unprocessed: [] }));
    const nearSide = {
      nearWriter: nothing,
      nearReader: reader,
      bucket: { put: async () => undefined },
    };
    const { clock, random, remainingMs } = invocation();

    const ends = await redriveStamped(
      [{ record, parsed } as DeadLetter],
      { rules, nearSide, merge: {} as MergeContext },
      {
        context: {
          rules,
          control: controlRow(),
          withoutSource: false,
          twinWriter: nothing,
          clock,
          random,
          remainingMs,
          health: destinationHealth(),
        } as unknown as RecordContext,
        pace: { take: async () => undefined } as unknown as Pace,
        stop: stopping.signal,
        async isCurrent() {
          stopping.abort();
          return true;
        },
      },
    );

    expect(ends).toEqual([{ kind: 'unfinished', why: 'stopped' }]);
    expect(nothing.requests).toEqual([]);
  });
});
