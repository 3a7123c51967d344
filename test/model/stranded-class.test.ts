// What has become of a write of a lost Region, by what both sides have of its item: every case, and the stored forms.

import { describe, expect, it } from 'vitest';
import type { Item } from '../../src/model/attribute-value.ts';
import { itemDigest } from '../../src/model/discrepancy.ts';
import {
  classesKey,
  classLine,
  decisionBody,
  decisionKey,
  parseClassLine,
  strandedClass,
} from '../../src/model/stranded-class.ts';
import type { StrandedItem } from '../../src/model/stranded.ts';
import { versionOf } from '../../src/model/guard.ts';

const KEY = { pk: { S: 'a' } };
const LATE = { ...KEY, value: { S: 'late' } };
const EARLIER = { ...KEY, value: { S: 'earlier' } };
const at = (epoch: number, sequenceNumber: number) =>
  versionOf({ epoch, labelMs: 1_769_860_800_000 }, String(sequenceNumber));
const item = (lost: Item | undefined): StrandedItem => ({
  replication: 'orders',
  epoch: 3,
  key: KEY,
  reason: 'compared',
  savedAtMs: 1,
  ...(lost && { lost }),
});
const record = (sequenceNumber: number, image: Item | undefined) => ({
  version: at(3, sequenceNumber),
  digest: image && itemDigest(image),
});

describe('a write of epoch 3', () => {
  const nothing = { active: undefined, lost: undefined };

  it.each([
    ['nothing has written it since', item(LATE), record(7, LATE), nothing, 'stranded'],
    ['no record of it was kept', item(LATE), undefined, nothing, 'stranded'],
    [
      'the twin had an older state',
      item(LATE),
      record(7, LATE),
      { ...nothing, active: at(3, 6) },
      'stranded',
    ],
    [
      'the lost side has a version of an epoch before',
      item(LATE),
      record(7, LATE),
      { active: at(1, 9), lost: at(2, 9) },
      'stranded',
    ],
    [
      'the active side has written it since',
      item(LATE),
      record(7, LATE),
      { ...nothing, lost: at(4, 1) },
      'overtaken',
    ],
    [
      'the active side has written it, and no record was kept',
      item(LATE),
      undefined,
      { ...nothing, lost: at(4, 1) },
      'overtaken',
    ],
    [
      'it was on the twin',
      item(LATE),
      record(7, LATE),
      { ...nothing, active: at(3, 7) },
      'arrived',
    ],
    [
      'it was on the twin, and the active side has written it since',
      item(LATE),
      record(7, LATE),
      { active: at(3, 7), lost: at(4, 1) },
      'arrived',
    ],
    [
      'what was on the twin is not the last that the lost side has',
      item(LATE),
      record(7, EARLIER),
      { ...nothing, active: at(3, 7) },
      'stranded',
    ],
    [
      'its delete was on the twin',
      item(undefined),
      record(7, undefined),
      { ...nothing, active: at(3, 8) },
      'arrived',
    ],
    [
      'its delete was not',
      item(undefined),
      record(7, undefined),
      { ...nothing, active: at(3, 6) },
      'stranded',
    ],
    [
      'a put was kept, and the lost side has no item',
      item(undefined),
      record(7, LATE),
      { ...nothing, active: at(3, 7) },
      'stranded',
    ],
    [
      'a delete was kept, and the lost side has an item',
      item(LATE),
      record(7, undefined),
      { ...nothing, active: at(3, 7) },
      'stranded',
    ],
  ] as const)('%s', (_, saved, kept, slots, expected) => {
    expect(strandedClass(saved, kept, slots)).toBe(expected);
  });
});

describe('the stored forms', () => {
  it('of a class are read as they were written', () => {
    const line = { class: 'overtaken', line: 12 } as const;

    expect(parseClassLine(classLine(line))).toEqual(line);
    expect(JSON.parse(classLine(line))).toMatchObject({ format: 1 });
  });

  it.each(['', 'x', '[]', 'null', '{"class":"lost","line":1}', '{"class":"arrived"}'])(
    'are no class: %s',
    (text) => {
      expect(parseClassLine(text)).toBeUndefined();
    },
  );

  it('of another format are not read', () => {
    expect(parseClassLine('{"format":2,"class":"arrived","line":1}')).toBeUndefined();
  });

  it('lie beside what they are about', () => {
    expect(classesKey(3, 'stranded/0003/compared/abc.jsonl')).toBe(
      'stranded/0003/classes/abc.jsonl',
    );
    const key = decisionKey(3, '["pk"]', 'dropped');
    expect(key).toMatch(/^stranded\/0003\/decisions\/[0-9a-f]{64}\.dropped\.json$/);
    expect(decisionKey(3, '["pk"]', 'replayed')).not.toBe(key);
    expect(JSON.parse(decisionBody('["pk"]', 0))).toEqual({
      format: 1,
      keyText: '["pk"]',
      at: '1970-01-01T00:00:00.000Z',
    });
  });
});
