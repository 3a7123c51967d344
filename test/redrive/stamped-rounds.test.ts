// Letters of stamped writes, in whatever order -> which of them follow each other.

import { describe, expect, it } from 'vitest';
import { stampedRecord } from '../../src/model/stamped-record.ts';
import { stampedRounds } from '../../src/redrive/stamped-rounds.ts';
import { streamRecord } from '../fixtures/records.ts';
import { changed } from '../fixtures/switched.ts';
import { at, byFerry, stamped, STAMPED } from '../fixtures/two-way.ts';

type Facts = Parameters<typeof changed>[0];

const RULES = {
  reservedAttribute: '_ferry',
  heartbeatKeyText: undefined,
  ttlDeletes: 'replicate',
  twoWay: STAMPED,
} as const;

/** Sequence numbers of the rounds. */
const roundsOf = (...letters: readonly Facts[]) =>
  stampedRounds(
    letters.map((facts, position) =>
      stampedRecord(streamRecord(facts, position), changed(facts), RULES),
    ),
  ).map((round) => round.map(({ record }) => record.sequenceNumber).join(' '));

const put = (sequenceNumber: string, v: string, before?: object): Facts => ({
  sequenceNumber,
  attributes: stamped(v),
  before,
});
const REMOVE = { eventName: 'REMOVE' };

describe('letters of one item', () => {
  it('are a round where each begins with what the one before has left', () => {
    const first = put('1', at(1, 1));
    const second = put('2', at(2, 1), stamped(at(1, 1)));
    const third = { sequenceNumber: '3', ...REMOVE, before: stamped(at(2, 1)) };
    const fourth = { eventName: 'INSERT', ...put('4', at(4, 1)) };

    expect(roundsOf(third, first, fourth, second)).toEqual(['1 2 3 4']);
  });

  it('are several where something lay between them', () => {
    const first = put('1', at(1, 1));
    const second = put('3', at(3, 1), byFerry(at(2, 2)));
    const third = put('9', at(9, 1), stamped(at(5, 1)));

    expect(roundsOf(third, first, second)).toEqual(['1', '3', '9']);
  });

  it('are a round where they are of one record', () => {
    const letter = put('1', at(2, 1), byFerry(at(1, 2)));

    expect(roundsOf(letter, letter)).toEqual(['1 1']);
  });
});

it('letters of other items do not come between', () => {
  const other = { ...put('2', at(2, 1)), keys: { pk: { S: 'other' } } };

  expect(roundsOf(put('1', at(1, 1)), other, put('3', at(3, 1), stamped(at(1, 1))))).toEqual([
    '1 2 3',
  ]);
});
