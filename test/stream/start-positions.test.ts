import { describe, expect, it } from 'vitest';
import type { StoredPosition } from '../../src/ports.ts';
import { isOutlived, startOf } from '../../src/stream/start-positions.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = 1_800_000_000_000;
const open = (after?: string, atMs = NOW_MS): StoredPosition => ({ after, closed: false, atMs });
const closed = (atMs = NOW_MS): StoredPosition => ({ after: '9', closed: true, atMs });
const shards = (...ids: string[]) => ids.map((shardId) => ({ shardId, parentShardIds: [] }));

describe('where the shards of a stream start', () => {
  it.each([
    ['nothing is stored', {}, [], [], undefined],
    ['all are listed', { a: open('7'), b: closed() }, [], [], NOW_MS],
    ['a closed shard is gone: it was read to its end', { c: closed() }, [], ['c'], NOW_MS],
    [
      'an open shard is gone: what came behind its position is lost',
      { c: open('7', NOW_MS - HOUR_MS), d: open(undefined, NOW_MS - 2 * HOUR_MS) },
      [
        { shardId: 'c', after: '7' },
        { shardId: 'd', after: undefined },
      ],
      ['c', 'd'],
      NOW_MS - HOUR_MS,
    ],
  ] as const)('if %s', (_, rows, lost, unlisted, sinceMs) => {
    const stored = new Map<string, StoredPosition>(Object.entries(rows));

    expect(startOf(shards('a', 'b'), stored)).toEqual({ stored, lost, unlisted, sinceMs });
  });

  it.each([
    [true, 'there was no process for as long as records are kept', undefined, 24, 24],
    [true, 'there was none for as long as they were kept before', undefined, 12, 12],
    [false, 'there was one a moment before that', undefined, 23.999, 24],
    [false, 'there was one, and nothing says how long they were kept', undefined, 12, undefined],
    [false, 'it is behind a record: the service says so itself', '7', 48, 24],
  ])('its beginning may be gone (%s) if %s', (expected, _, after, hours, keptHours) => {
    const keptMs = keptHours && keptHours * HOUR_MS;
    const position = { after, atMs: NOW_MS - hours * HOUR_MS, keptMs };

    const limits = { nowMs: NOW_MS, retentionMs: 24 * HOUR_MS };
    expect(isOutlived(position, limits)).toBe(expected);
  });
});
