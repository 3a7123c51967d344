// The result of several calls about one item, and what became of its attributes.

import { describe, expect, it } from 'vitest';
import { attributeChanges } from '../../src/projection/attribute-changes.ts';
import { countsOf, judge, type Outcome } from '../../src/projection/sample-test.ts';

const key = { pk: { S: 'a' } };
const kept = (content: object): Outcome => ({ kind: 'kept', content: { ...key, ...content } });
const failed = (message: string, name = 'ProjectionFailed'): Outcome => ({
  kind: 'failed',
  name,
  message,
});
const judged = (...outcomes: [Outcome, ...Outcome[]]) => judge({ key, source: key, outcomes });

describe('the judgement on one item', () => {
  it('compares results by their meaning', () => {
    const one = kept({ n: { N: '1.0' }, tags: { SS: ['b', 'a'] } });
    const other = kept({ tags: { SS: ['a', 'b'] }, n: { N: '1' } });

    expect(judged(one, other, one)).toEqual({ ...one, key, source: key });
  });

  it.each([
    [
      'a value',
      [kept({ n: { N: '1' }, m: { S: '' } }), kept({ n: { N: '2' }, m: { S: '' } })],
      'n',
    ],
    ['an attribute', [kept({}), kept({ at: { S: 'now' } }), kept({})], 'at'],
    ['the type of a value', [kept({ n: { N: '1' } }), kept({ n: { S: '1' } })], 'n'],
  ] as const)('names the attributes where %s is not always the same', (_, outcomes, name) => {
    const [first, ...others] = outcomes;

    expect(judged(first, ...others)).toMatchObject({ kind: 'unstable', attributes: [name] });
  });

  it.each([
    ['left out', { kind: 'left-out' }],
    ['a failure', failed('no')],
  ] as const)('is unstable where one of the results is %s', (_, other) => {
    expect(judged(kept({}), other)).toMatchObject({ kind: 'unstable', attributes: [] });
    expect(judged(other, kept({}))).toMatchObject({ kind: 'unstable' });
  });

  it('takes failures of one kind for the same, because a message may have a time', () => {
    expect(judged(failed('at 1'), failed('at 2'))).toMatchObject({ kind: 'failed' });
    expect(judged(failed('no'), failed('no', 'ProjectionKeyChanged')).kind).toBe('unstable');
  });
});

it('counts items and sizes, and finds the largest', () => {
  const large = { ...key, text: { S: 'x'.repeat(409_500) } };
  const counts = countsOf([
    { key, source: large, kind: 'kept', content: large },
    { key, source: large, kind: 'kept', content: key },
    { key, source: key, kind: 'left-out' },
    { key, source: key, kind: 'unstable', attributes: [] },
    { key, source: key, kind: 'failed', name: 'ProjectionFailed', message: '' },
  ]);

  expect(counts).toEqual({
    items: 5,
    kept: 2,
    leftOut: 1,
    failed: 1,
    unstable: 1,
    tooLarge: 1,
    bytesBefore: 819_023,
    bytesAfter: 409_510,
    largest: { bytes: 409_507, key },
  });
});

describe('what became of the attributes', () => {
  const changes = (before: object, after: object) =>
    attributeChanges({ ...key, ...before }, { ...key, ...after }, key)
      .slice(1)
      .map(({ kind, path, to }) => [kind, path, to].filter(Boolean).join(' '));

  it('is listed by name, with the key first', () => {
    const item = { ...key, b: { S: 'b' }, a: { S: 'a' } };

    expect(attributeChanges(item, item, key).map(({ path }) => path)).toEqual(['pk', 'a', 'b']);
    expect(changes({ a: { S: '1' }, b: { S: '2' } }, { b: { S: '3' }, c: { S: '4' } })).toEqual([
      'dropped a',
      'changed b',
      'set c',
    ]);
  });

  it('takes an equal value under a new name for a rename, and each new name once', () => {
    const before = { a: { S: 'x' }, b: { S: 'x' }, c: { S: 'x' } };

    expect(changes(before, { d: { S: 'x' }, e: { S: 'x' } })).toEqual([
      'renamed a d',
      'renamed b e',
      'dropped c',
    ]);
  });

  it('knows a hash by its form', () => {
    expect(changes({ a: { S: 'x' } }, { a: { S: 'A-_0'.padEnd(43, 'z') } })).toEqual(['hashed a']);
    expect(changes({ a: { S: 'x' } }, { a: { S: 'A'.padEnd(44, 'z') } })).toEqual(['changed a']);
  });

  it('looks into maps and lists, and lists there only what is not the same', () => {
    const before = {
      m: { M: { same: { S: '' }, gone: { S: '1' }, l: { L: [{ N: '1' }, { N: '2' }] } } },
      l: { L: [{ N: '1' }] },
    };
    const after = {
      m: { M: { same: { S: '' }, new: { S: '2' }, l: { L: [{ N: '1.0' }, { N: '3' }] } } },
      l: { L: [] },
    };

    expect(changes(before, after)).toEqual([
      'changed l',
      'dropped m.gone',
      'changed m.l[1]',
      'set m.new',
    ]);
  });
});
