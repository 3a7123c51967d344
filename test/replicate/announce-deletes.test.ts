// Deletes and their announcement: acknowledged before their records are final.

import { describe, expect, it } from 'vitest';
import { parseAnnouncement } from '../../src/model/announcement.ts';
import { TAIL_TIME_MS } from '../../src/config/names.ts';
import { replicateBatch } from '../../src/replicate/replicate-batch.ts';
import { lambdaRecord, SETTINGS, streamRecord } from '../fixtures/records.ts';
import {
  admitting,
  controlRow,
  invocation,
  isPutOf,
  scripted,
  serviceError,
} from '../fixtures/replication.ts';

const removal = (id: string, sequenceNumber: string) =>
  lambdaRecord({ id, sequenceNumber, eventName: 'REMOVE' });
const put = (id: string, sequenceNumber: string) => lambdaRecord({ id, sequenceNumber });
const deletesIn = (bodies: readonly string[]) =>
  bodies.flatMap((body) => parseAnnouncement(body)?.deletes ?? []);
const idsIn = (bodies: readonly string[]) => deletesIn(bodies).map(({ key }) => key['pk']?.S);

describe('a delete is announced', () => {
  it('with its key, its version and the epoch, in one message for the batch', async () => {
    const row = controlRow();
    const epochs = [{ ...row.epochs[0], n: 7 }] as typeof row.epochs;
    const context = invocation({ control: admitting({ ...row, epochs }) });

    await replicateBatch([removal('a', '1'), put('b', '2'), removal('c', '3')], context);

    expect(context.announced.map(parseAnnouncement)).toMatchObject([
      { replication: 'orders', epoch: 7 },
    ]);
    const { version } = streamRecord({ eventName: 'REMOVE', sequenceNumber: '1' });
    expect(deletesIn(context.announced)[0]).toEqual({
      key: { pk: { S: 'a' } },
      version: version.replace(/^0001/, '0007'),
    });
    expect(idsIn(context.announced)).toEqual(['a', 'c']);
  });

  it('also if its item was not there, or a newer one is: somebody may still put an older one', async () => {
    for (const operation of ['UpdateItem', 'DeleteItem']) {
      const twinWriter = scripted((request) =>
        request.operation === operation
          ? { kind: 'refused', by: operation === 'UpdateItem' ? 'ledger-row' : 'item' }
          : { kind: 'written' },
      );
      const context = invocation({ twinWriter });

      const { counts } = await replicateBatch([removal('a', '1')], context);

      expect(counts.superseded).toBe(1);
      expect(idsIn(context.announced)).toEqual(['a']);
    }
  });

  it('after it is done, and before anything is said of its batch', async () => {
    const events: string[] = [];
    const twinWriter = scripted(({ operation }) => {
      events.push(operation);
      return { kind: 'written' };
    });
    const lookAgain = { announce: async () => void events.push('announced') };
    const metrics = { publish: () => void events.push('answered') };

    await replicateBatch([removal('a', '1')], invocation({ twinWriter, lookAgain, metrics }));

    expect(events).toEqual(['UpdateItem', 'DeleteItem', 'announced', 'answered']);
  });

  it('only if it will not come again', async () => {
    const twinWriter = scripted((request) => {
      if (isPutOf(request, '2')) throw serviceError('ThrottlingException');
      return { kind: 'written' };
    });
    const context = invocation({ twinWriter });

    const summary = await replicateBatch(
      [removal('a', '1'), put('b', '2'), removal('c', '3')],
      context,
    );

    expect(summary.batchItemFailures).toEqual([{ itemIdentifier: '2' }]);
    expect(idsIn(context.announced)).toEqual(['a']);
  });
});

describe('nothing is announced', () => {
  it('of a batch without deletes, and none of an expiry that is left out', async () => {
    const settings = { ...SETTINGS, ttlDeletes: 'skip' as const };
    const context = invocation({ rules: settings });

    await replicateBatch(
      [put('a', '1'), lambdaRecord({ eventName: 'REMOVE', expired: true })],
      context,
    );

    expect(context.announced).toEqual([]);
  });

  it('where transactions see every delete', async () => {
    const settings = { ...SETTINGS, tombstones: 'strict' as const };
    const context = invocation({ rules: settings });

    const { counts } = await replicateBatch([removal('a', '1')], context);

    expect(counts.applied).toBe(1);
    expect(context.announced).toEqual([]);
  });
});

describe('a delete that is not announced is not final', () => {
  it.each(['QueueDoesNotExist', 'AccessDenied', 'TimeoutError'])(
    'when the queue answers %s, and is announced when it comes again',
    async (name) => {
      const failing = {
        announce: async () => {
          throw serviceError(name);
        },
      };
      const records = [put('a', '1'), removal('b', '2'), put('c', '3'), removal('d', '4')];

      const first = await replicateBatch(records, invocation({ lookAgain: failing }));
      const context = invocation();
      const second = await replicateBatch(records.slice(1), context);

      expect(first).toMatchObject({
        batchItemFailures: [{ itemIdentifier: '2' }],
        counts: { applied: 1 },
        retried: 3,
      });
      expect(second).toMatchObject({ batchItemFailures: [], counts: { applied: 3 } });
      expect(idsIn(context.announced)).toEqual(['b', 'd']);
    },
  );

  it('when no time is left for it', async () => {
    let remaining = 60_000;
    const twinWriter = scripted(() => {
      remaining -= 1;
      return { kind: 'written' };
    });
    const context = invocation({
      twinWriter,
      remainingMs: () => (remaining < 59_999 ? TAIL_TIME_MS - 1 : remaining),
    });

    const { causes, retried } = await replicateBatch([removal('a', '1')], context);

    expect({ causes, retried }).toEqual({ causes: { 'unfinished.deadline': 1 }, retried: 1 });
    expect(context.announced).toEqual([]);
  });

  it('when its messages take all the time that there is', async () => {
    let remaining = 30_000;
    const records = Array.from({ length: 5_000 }, (_, index) =>
      removal(`${'long'.repeat(500)}-${index}`, String(index + 1)),
    );
    const lookAgain = {
      announce: async () => {
        remaining -= 1_000;
      },
    };

    const summary = await replicateBatch(
      records,
      invocation({ lookAgain, remainingMs: () => remaining }),
    );

    expect(summary.causes).toEqual({ 'unfinished.deadline': 5_000 });
    expect(remaining).toBeGreaterThan(TAIL_TIME_MS - 1_001);
  });

  it('as a whole, when one of several messages is not taken', async () => {
    const records = Array.from({ length: 5_000 }, (_, index) =>
      removal(`${'long'.repeat(25)}-${index}`, String(index + 1)),
    );
    let messages = 0;
    const lookAgain = {
      announce: async () => {
        messages += 1;
        if (messages === 2) throw serviceError('ServiceUnavailable');
      },
    };

    const summary = await replicateBatch(records, invocation({ lookAgain }));

    expect(messages).toBeGreaterThan(2);
    expect(summary).toMatchObject({ batchItemFailures: [{ itemIdentifier: '1' }], retried: 5_000 });
  });
});
