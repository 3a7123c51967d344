import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import {
  ANNOUNCEMENT_BYTES_MAX,
  announcementBodies,
  parseAnnouncement,
} from '../../src/model/announcement.ts';
import { decodeItem } from '../../src/model/attribute-value.ts';

const HEAD = { replication: 'orders', epoch: 3 };
const version = (n: number) => `0003.1769860800000.${String(n).padStart(40, '0')}`;
const deletes = (count: number, S: string) =>
  Array.from({ length: count }, (_, n) => ({
    key: { pk: { S: `${S}${n}` } },
    version: version(n),
  }));

describe('announcementBodies', () => {
  it('makes none of no deletes', () => {
    expect(announcementBodies({ ...HEAD, deletes: [] })).toEqual([]);
  });

  it.each([
    ['text', { S: '日本 🚢 "\\\u0000\u2028' }],
    ['number', { N: '1E+2' }],
    ['bytes', { B: 'AP8=' }],
  ])('says keys of %s so that they can be read back', (_, value) => {
    const announcement = {
      ...HEAD,
      deletes: [{ key: decodeItem({ pk: value, sk: { S: 'x' } }, 'key'), version: version(1) }],
    };

    const [body = '', ...others] = announcementBodies(announcement);

    expect(others).toEqual([]);
    expect(parseAnnouncement(body)).toEqual(announcement);
  });

  it('is ASCII, which no queue alters or counts otherwise', () => {
    const bodies = announcementBodies({ ...HEAD, deletes: deletes(10, 'Ж🚢') });

    expect(bodies.every((body) => Buffer.byteLength(body) === body.length)).toBe(true);
  });

  it.each(['k', 'Ж'.repeat(300)])('fills bodies up to their size, and loses none (%#)', (S) => {
    const all = deletes(10_000, S);

    const bodies = announcementBodies({ ...HEAD, deletes: all });

    const lengths = bodies.map((body) => body.length);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(ANNOUNCEMENT_BYTES_MAX);
    expect(Math.min(...lengths.slice(0, -1))).toBeGreaterThan(ANNOUNCEMENT_BYTES_MAX * 0.98);
    expect(bodies.flatMap((body) => parseAnnouncement(body)?.deletes)).toEqual(all);
  });
});

describe('parseAnnouncement', () => {
  const valid = { format: 1, ...HEAD, deletes: [{ key: { pk: { S: 'a' } }, v: version(1) }] };

  it('reads what it is made for', () => {
    expect(parseAnnouncement(JSON.stringify(valid))?.deletes).toHaveLength(1);
  });

  it.each([
    ['is no JSON', '{'],
    ['is no object', '7'],
    ['is null', 'null'],
    ['is of another format', JSON.stringify({ ...valid, format: 2 })],
    ['has no replication', JSON.stringify({ ...valid, replication: 1 })],
    ['has no epoch', JSON.stringify({ ...valid, epoch: '3' })],
    ['has no list of deletes', JSON.stringify({ ...valid, deletes: {} })],
    ['has a delete of nothing', JSON.stringify({ ...valid, deletes: [null] })],
    ['has a delete without a version', JSON.stringify({ ...valid, deletes: [{ key: {} }] })],
    [
      'has a delete whose version is none, and above all',
      JSON.stringify({ ...valid, deletes: [{ key: { pk: { S: 'a' } }, v: 'zzz' }] }),
    ],
    [
      'has a key that no item has',
      JSON.stringify({ ...valid, deletes: [{ key: { pk: { X: 1 } }, v: version(1) }] }),
    ],
  ])('refuses a body that %s', (_, body) => {
    expect(parseAnnouncement(body)).toBeUndefined();
  });
});
