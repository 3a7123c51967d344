// What is kept of a lost Region: written and read back whole, and refused in words where it makes no sense.

import { describe, expect, it } from 'vitest';
import {
  isStrandedRecord,
  parseStrandedLine,
  type StrandedItem,
  strandedObject,
  type StrandedRecord,
} from '../../src/model/stranded.ts';

const VERSION = '0001.1769860800000.0000000000000000000000000000000000000007';
const KEY = { pk: { S: 'order-ü' }, sk: { B: new Uint8Array([0, 255]) } };
const FACTS = { replication: 'orders', epoch: 1, key: KEY };

const RECORD: StrandedRecord = {
  ...FACTS,
  version: VERSION,
  sequenceNumber: '7',
  createdAtSeconds: 1_769_860_800,
  eventName: 'MODIFY',
  newImage: { ...KEY, total: { N: '12.50' }, blob: { BS: [new Uint8Array([1, 2])] } },
  oldImage: { ...KEY, '\n"__proto__"': { L: [{ NULL: true }, { M: {} }] } },
};

const ITEM: StrandedItem = {
  ...FACTS,
  reason: 'compared',
  savedAtMs: 1_769_860_900_123,
  lost: { ...KEY, total: { N: '1' } },
  active: { ...KEY, total: { N: '2' } },
};

/** Parsed bytes are bytes, but not always a plain array of them. */
const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, one: unknown) =>
      one instanceof Uint8Array ? Buffer.from(one).toString('base64') : one,
    ),
  );

const json = (entry: StrandedRecord | StrandedItem) =>
  JSON.parse(strandedObject([entry]).body) as Record<string, unknown>;

describe('a stranded write', () => {
  const { newImage: _, ...withoutNew } = RECORD;
  const remove: StrandedRecord = { ...withoutNew, eventName: 'REMOVE' };
  const { lost: __, ...withoutLost } = ITEM;

  it.each([
    ['a put', RECORD],
    ['a delete', remove],
    ['an item that differs', ITEM],
    ['an item that only the active Region has', withoutLost],
  ])('is read as it was written: %s', (_name, entry) => {
    const { body } = strandedObject([entry]);

    const lines = body.trimEnd().split('\n');

    expect(lines).toHaveLength(1);
    const found = parseStrandedLine(lines[0] ?? '');
    expect(plain(found)).toEqual(plain({ kind: 'entry', entry }));
    if (found.kind !== 'entry') throw new Error(found.problem);
    expect(isStrandedRecord(found.entry)).toBe(isStrandedRecord(entry));
  });

  it('goes to the same object however often it is kept, and to another one with other contents', () => {
    const [first, again] = [strandedObject([RECORD, remove]), strandedObject([RECORD, remove])];

    expect(again).toEqual(first);
    expect(first.key).toMatch(/^stranded\/0001\/records\/[0-9a-f]{64}\.jsonl$/);
    expect(strandedObject([RECORD]).key).not.toBe(first.key);
    expect(strandedObject([ITEM]).key).toMatch(/^stranded\/0001\/compared\//);
  });

  it('needs something to keep', () => {
    expect(() => strandedObject([])).toThrow('without stranded writes');
  });
});

describe('what is not a stranded write is refused', () => {
  const RECORDED = json(RECORD);
  const SAVED = json(ITEM);
  const { newImage: _, ...imageless } = RECORDED;
  const { format: __, ...formatless } = RECORDED;

  it.each<[string, unknown]>([
    ['it is not an object', []],
    ['it is not an object', 'text'],
    ['its format is unreadable; this release reads 1', formatless],
    ['its format is 2; this release reads 1', { ...RECORDED, format: 2 }],
    ['it does not name its replication', { ...RECORDED, replication: '' }],
    ['it does not name its epoch', { ...RECORDED, epoch: 0 }],
    ['it does not name its epoch', { ...SAVED, epoch: '1' }],
    ['key must be a map of attributes', { ...RECORDED, key: null }],
    ['its key is not one or two attributes of type S, N or B', { ...RECORDED, key: {} }],
    [
      'its key is not one or two attributes of type S, N or B',
      { ...RECORDED, key: { pk: { BOOL: true } } },
    ],
    ['its version is not one of its epoch', { ...RECORDED, epoch: 2 }],
    ['its version is not one of its epoch', { ...RECORDED, version: '7' }],
    ['its sequence number is not 1 to 40 digits', { ...RECORDED, sequenceNumber: 7 }],
    ['it does not tell its time', { ...RECORDED, createdAtSeconds: -1 }],
    ['it does not tell its time', { ...SAVED, savedAtMs: 'now' }],
    ['its event is not INSERT, MODIFY or REMOVE', { ...RECORDED, eventName: 'remove' }],
    ['its new image does not go with its event', { ...RECORDED, eventName: 'REMOVE' }],
    ['its new image does not go with its event', imageless],
    ['newImage.total is not a value of type N', { ...RECORDED, newImage: { total: { N: 1 } } }],
    ['its newImage does not carry its key', { ...RECORDED, newImage: { pk: { S: 'other' } } }],
    ['its lost does not carry its key', { ...SAVED, lost: {} }],
    ['it has neither a version nor a reason', { ...SAVED, reason: 'because' }],
  ])('%s', (problem, value) => {
    expect(parseStrandedLine(JSON.stringify(value))).toEqual({ kind: 'unreadable', problem });
  });

  it('text that is not JSON', () => {
    expect(parseStrandedLine('{"format":1')).toEqual({
      kind: 'unreadable',
      problem: 'it is not JSON',
    });
  });

  it('an item nested so deep that it would exhaust the stack', () => {
    const depth = 5_000;
    const deep = '{"M":{"a":'.repeat(depth) + '{"S":""}' + '}}'.repeat(depth);
    const line = JSON.stringify({ ...SAVED, lost: null }).replace(
      '"lost":null',
      `"lost":{"a":${deep}}`,
    );

    expect(parseStrandedLine(line).kind).toBe('unreadable');
  });
});
