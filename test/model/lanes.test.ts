import { describe, expect, it } from 'vitest';
import { type Lane, toLanes } from '../../src/model/lanes.ts';
import { streamRecord } from '../fixtures/records.ts';

const sequences = (lane: Lane | undefined) => ({
  runs: lane?.runs.map((run) => run.map(({ sequenceNumber }) => sequenceNumber)),
  skipped: lane?.skipped.map(({ sequenceNumber }) => sequenceNumber),
});

describe('toLanes', () => {
  it('makes one lane per item and keeps the order inside', () => {
    const lanes = toLanes(
      [
        streamRecord({ id: 'a', sequenceNumber: '1' }),
        streamRecord({ id: 'b', sequenceNumber: '2' }),
        streamRecord({ id: 'a', sequenceNumber: '3' }),
      ],
      'replicate',
    );

    expect(lanes.map(sequences)).toEqual([
      { runs: [['1', '3']], skipped: [] },
      { runs: [['2']], skipped: [] },
    ]);
  });

  it('orders a lane by version as numbers, should it ever come out of order', () => {
    const [lane] = toLanes(
      ['10000', '9999', '2'].map((sequenceNumber) => streamRecord({ sequenceNumber })),
      'replicate',
    );

    expect(sequences(lane).runs).toEqual([['2', '9999', '10000']]);
  });

  it('does not coalesce across an expiry that policy skips', () => {
    const [lane] = toLanes(
      [
        streamRecord({ sequenceNumber: '1' }),
        streamRecord({ sequenceNumber: '2', eventName: 'REMOVE', expired: true }),
        streamRecord({ sequenceNumber: '3', eventName: 'INSERT' }),
      ],
      'skip',
    );

    expect(sequences(lane)).toEqual({ runs: [['1'], ['3']], skipped: ['2'] });
  });

  it('skips every expiry of a lane, the last one too', () => {
    const expiry = (sequenceNumber: string) =>
      streamRecord({ sequenceNumber, eventName: 'REMOVE', expired: true });
    const insert = (sequenceNumber: string) =>
      streamRecord({ sequenceNumber, eventName: 'INSERT' });
    const records = [insert('1'), expiry('2'), insert('3'), expiry('4'), expiry('5')];

    const [lane] = toLanes(records, 'skip');

    expect(sequences(lane)).toEqual({ runs: [['1'], ['3']], skipped: ['2', '4', '5'] });
  });

  it('skips only expiries, and only when told to', () => {
    const expiry = () => streamRecord({ sequenceNumber: '1', eventName: 'REMOVE', expired: true });
    const removal = () => streamRecord({ sequenceNumber: '2', eventName: 'REMOVE' });

    expect(sequences(toLanes([expiry()], 'replicate')[0])).toEqual({ runs: [['1']], skipped: [] });
    expect(sequences(toLanes([removal()], 'skip')[0])).toEqual({ runs: [['2']], skipped: [] });
    expect(sequences(toLanes([expiry()], 'skip')[0])).toEqual({ runs: [], skipped: ['1'] });
  });
});
