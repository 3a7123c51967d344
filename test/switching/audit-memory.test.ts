// What an audit remembers of a stream: the last record of each key that counts, and how far each shard has been read.

import { describe, expect, it } from 'vitest';
import { type Epoch, firstRow } from '../../src/model/control-row.ts';
import { markerKeys } from '../../src/model/marker.ts';
import { endedEpochs, switchedRow } from '../../src/model/switch-rows.ts';
import { AuditMemory, type ShardProgress } from '../../src/switching/audit-memory.ts';
import { isReadThrough, leavesOf } from '../../src/switching/shards.ts';
import { lambdaRecord, type RecordFacts, STREAM_ARN } from '../fixtures/records.ts';

const NOW = 1_769_860_800;
const first = firstRow({
  region: 'eu-west-1',
  streamArn: 'arn:of/table/Orders/stream/x',
  reserved: '_ferry',
  destinationId: 'd',
  ledgerId: 'l',
  tag: 't',
  nowMs: (NOW - 1000) * 1000,
});
const epoch: Epoch = { n: 2, region: 'us-east-1', fromMs: NOW * 1000, streams: [STREAM_ARN] };
const row = switchedRow(first, {
  tag: 't',
  epochs: [...endedEpochs(first, 'drained', NOW * 1000), epoch],
});

function auditOf(records: readonly RecordFacts[], accepted: readonly string[] = []) {
  const audit = new AuditMemory({ row, epoch, accepted: new Set(accepted) });
  audit.list([{ shardId: 'a', parentShardIds: [] }]);
  const shard = audit.shards.get('a') as ShardProgress;
  for (const record of records) audit.takeIn(lambdaRecord(record), shard);
  return { audit, shard };
}

const lastOf = ({ audit }: ReturnType<typeof auditOf>) =>
  [...audit.keys.values()].map(({ key, version }) => [key['pk']?.S, Number(version.slice(-5))]);

describe('of each key', () => {
  it('keeps the last record, in whatever order shards are read', () => {
    const found = auditOf([
      { id: 'x', sequenceNumber: '12' },
      { id: 'y', sequenceNumber: '20' },
      { id: 'x', sequenceNumber: '9' },
      { id: 'x', sequenceNumber: '14', eventName: 'REMOVE' },
    ]);

    expect(lastOf(found)).toEqual([
      ['x', 14],
      ['y', 20],
    ]);
    expect(found.audit.records).toBe(4);
    expect([...found.audit.behind].length).toBe(2);
  });

  it('leaves out records of before the epoch, which Ferry wrote when the table was the twin', () => {
    const found = auditOf([
      { id: 'x', sequenceNumber: '1', createdAtSeconds: NOW - 1 },
      { id: 'y', sequenceNumber: '2', createdAtSeconds: NOW },
    ]);

    expect(lastOf(found)).toEqual([['y', 2]]);
    expect(found.audit.records).toBe(1);
  });

  it('does not take the record of an accepted letter, but what came before and after it', () => {
    const records = [
      { id: 'x', sequenceNumber: '1' },
      { id: 'x', sequenceNumber: '2' },
      { id: 'y', sequenceNumber: '3' },
      { id: 'y', sequenceNumber: '4' },
    ];

    expect(lastOf(auditOf(records, ['2', '3']))).toEqual([
      ['x', 1],
      ['y', 4],
    ]);
  });

  it('keeps what makes no sense apart, unless it is accepted', () => {
    const records = [
      { id: 'x', sequenceNumber: '1', eventName: 'UPSERT' },
      { id: 'y', sequenceNumber: '2', eventName: 'UPSERT' },
    ];
    const { audit } = auditOf(records, ['2']);

    expect(audit.malformed).toMatchObject([
      { sequenceNumber: '1', key: { pk: { S: 'x' } }, reason: 'UnknownEventName' },
    ]);
    expect(audit.keys.size).toBe(0);
  });

  it('keeps a whole record until it has arrived, or a newer one has come', () => {
    const withSize = (id: string, sequenceNumber: string) => {
      const record = lambdaRecord({ id, sequenceNumber });
      return { ...record, dynamodb: { ...record.dynamodb, SizeBytes: 400_000 } };
    };
    const { audit, shard } = auditOf([]);
    for (const [id, sequenceNumber] of [
      ['x', '1'],
      ['y', '2'],
      ['x', '3'],
    ] as const)
      audit.takeIn(withSize(id, sequenceNumber), shard);
    expect(audit.bytes).toBe(802_000);

    for (const entry of audit.keys.values()) audit.arrived(entry, { ...entry, digest: 'x' });

    expect(audit.bytes).toBe(0);
    audit.doubtAll();
    for (const entry of audit.keys.values()) audit.arrived(entry, { ...entry, digest: 'x' });
    expect(audit.bytes).toBe(0);
  });

  it('looks again at what had arrived', () => {
    const { audit } = auditOf([{ id: 'x' }]);
    const [entry] = audit.keys.values();
    if (entry === undefined) throw new Error('no key');
    audit.arrived(entry, { version: entry.version, digest: 'x' });
    expect(audit.behind.size).toBe(0);

    audit.doubtAll();

    expect(audit.behind.size).toBe(1);
  });
});

describe('markers', () => {
  const [key] = markerKeys('nonce', [0, 1], [{ name: 'pk', type: 'S' }]);

  it('are no records of the application, and are remembered until they are deleted', () => {
    const { audit, shard } = auditOf([{ keys: key ?? {}, createdAtSeconds: NOW }]);

    expect(audit).toMatchObject({ records: 0, keys: new Map() });
    expect([...audit.markers.values()]).toEqual([key]);
    expect(shard.nonce).toBe('nonce');
    audit.takeIn(lambdaRecord({ keys: key ?? {}, eventName: 'REMOVE' }), shard);
    expect(audit.markers.size).toBe(0);
  });
});

describe('shards', () => {
  const shard = (shardId: string, parts: Partial<ShardProgress> = {}): ShardProgress => ({
    shardId,
    parentShardIds: [],
    ended: false,
    emptyReads: 0,
    ...parts,
  });
  const isMarked = ({ nonce }: ShardProgress) => nonce === 'n';

  it('without children are the leaves', () => {
    const all = [
      shard('a'),
      shard('b', { parentShardIds: ['a'] }),
      shard('c', { parentShardIds: ['z'] }),
    ];

    expect(leavesOf(all).map(({ shardId }) => shardId)).toEqual(['b', 'c']);
  });

  it.each([
    [true, 'every leaf has shown a marker, and its parent ended', { ended: true }, { nonce: 'n' }],
    [false, 'the parent has more', { ended: false }, { nonce: 'n' }],
    [false, 'the marker was the parent’s', { ended: true, nonce: 'n' }, {}],
    [
      false,
      'a leaf is closed, whose children are not listed yet',
      { ended: true },
      { nonce: 'n', ended: true },
    ],
  ])('are read through (%s) where %s', (expected, _, parent, child) => {
    const all = [shard('a', parent), shard('b', { parentShardIds: ['a'], ...child })];

    expect(isReadThrough(all, isMarked)).toBe(expected);
  });

  it('that are gone before they were read lose records', () => {
    const { audit, shard } = auditOf([]);
    audit.list([{ shardId: 'b', parentShardIds: [] }]);
    expect(audit.isTrimmed).toBe(true);

    const other = new AuditMemory({ row, epoch, accepted: new Set() });
    other.list([{ shardId: 'a', parentShardIds: [] }]);
    for (const one of other.shards.values()) one.ended = true;
    other.list([{ shardId: 'b', parentShardIds: [] }]);
    expect(other.isTrimmed).toBe(false);
    expect(shard.ended).toBe(false);
  });
});
