// How an audit reads a stream: page by page, across expired iterators, and with an eye on what was lost.

import { describe, expect, it } from 'vitest';
import { firstRow, newestEpoch } from '../../src/model/control-row.ts';
import type { Shard, ShardPage, StreamReader } from '../../src/ports.ts';
import { AuditMemory } from '../../src/switching/audit-memory.ts';
import { readOn } from '../../src/switching/reading.ts';
import { lambdaRecord, STREAM_ARN } from '../fixtures/records.ts';
import { serviceError } from '../fixtures/replication.ts';

const RETRIES = {
  clock: { now: () => 0, sleep: async () => undefined },
  random: { next: () => 0.5 },
  stop: new AbortController().signal,
};

type Answer = ShardPage | Error;

/** Pages by iterator; each shard's first iterator has its name, and one behind a record its number, too. */
function streamOf(shards: readonly Shard[], pages: Record<string, Answer[]>) {
  const opened: string[] = [];
  const reader: StreamReader = {
    shards: async () => shards,
    async open(shardId, after) {
      const iterator = after === undefined ? shardId : `${shardId}>${after}`;
      opened.push(iterator);
      return iterator;
    },
    async read(iterator) {
      const page = pages[iterator]?.shift() ?? { records: [], nextIterator: iterator };
      if (page instanceof Error) throw page;
      return page;
    },
  };
  return { reader, opened };
}

function newAudit(): AuditMemory {
  const row = firstRow({
    region: 'us-east-1',
    streamArn: STREAM_ARN,
    reserved: '_ferry',
    destinationId: 'd',
    ledgerId: 'l',
    tag: 't',
    nowMs: 0,
  });
  return new AuditMemory({ row, epoch: newestEpoch(row), accepted: new Set() });
}

const page = (sequenceNumber: string, nextIterator?: string): ShardPage => ({
  records: [lambdaRecord({ id: sequenceNumber, sequenceNumber })],
  nextIterator,
});

describe('a stream', () => {
  it('is read oldest shard first, a closed one to its end, an open one until nothing is new', async () => {
    const { reader, opened } = streamOf(
      [
        { shardId: 'b', parentShardIds: ['a'] },
        { shardId: 'a', parentShardIds: [] },
      ],
      {
        a: [page('1', 'a2')],
        a2: [page('2')],
        b: [page('3', 'b2')],
      },
    );
    const audit = newAudit();

    await readOn(audit, reader, RETRIES);

    expect(opened).toEqual(['a']);
    expect(audit.shards.get('a')).toMatchObject({ ended: true, after: '2' });
    await readOn(audit, reader, RETRIES);
    expect(audit.records).toBe(3);
    expect(audit.shards.get('b')).toMatchObject({ ended: false, after: '3', emptyReads: 1 });
    await readOn(audit, reader, RETRIES);
    expect(audit.shards.get('b')).toMatchObject({ ended: false, emptyReads: 2 });
  });

  it('goes on behind the last record where an iterator has expired', async () => {
    const { reader, opened } = streamOf([{ shardId: 'a', parentShardIds: [] }], {
      a: [page('1', 'a2')],
      a2: [serviceError('ExpiredIteratorException')],
      'a>1': [page('2', 'a3')],
    });
    const audit = newAudit();

    await readOn(audit, reader, RETRIES);
    await readOn(audit, reader, RETRIES);

    expect(opened).toEqual(['a', 'a>1']);
    expect(audit.records).toBe(2);
    expect(audit.isTrimmed).toBe(false);
  });

  it('has lost records where they are gone behind the last one that was read', async () => {
    const gone = serviceError('TrimmedDataAccessException');
    const { reader } = streamOf([{ shardId: 'a', parentShardIds: [] }], {
      a: [gone, page('5', 'a2')],
      a2: [gone],
    });
    const audit = newAudit();

    await readOn(audit, reader, RETRIES);
    expect(audit.isTrimmed).toBe(false);
    await readOn(audit, reader, RETRIES);

    expect(audit.records).toBe(1);
    expect(audit.isTrimmed).toBe(true);
  });

  it('reads again what was throttled', async () => {
    const { reader } = streamOf([{ shardId: 'a', parentShardIds: [] }], {
      a: [serviceError('ProvisionedThroughputExceededException'), page('1', 'a2')],
    });
    const audit = newAudit();

    await readOn(audit, reader, RETRIES);

    expect(audit.records).toBe(1);
  });
});
