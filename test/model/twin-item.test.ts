// What the twin has of a source item, and that every put and every comparison goes by it.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { twinContent, twinItem, withoutStamp } from '../../src/model/twin-item.ts';

const RULES = { reservedAttribute: '_ferry', sourceRegion: 'us-east-1' };
const KEY = { pk: { S: 'a' } };
const SOURCE = { pk: { S: 'a' }, total: { N: '1' } };
const STAMPED = { ...SOURCE, _ferry: { M: { v: { S: 'of another twin' } } } };

describe('a twin item', () => {
  it('is the source item and its version', () => {
    expect(twinItem(SOURCE, { version: 'v1', createdAtSeconds: 7 }, RULES)).toEqual({
      ...SOURCE,
      _ferry: { M: { v: { S: 'v1' }, t: { N: '7' }, o: { S: 'us-east-1' } } },
    });
  });

  it.each([SOURCE, STAMPED])('without its version is what the twin should have', (source) => {
    const content = twinContent(source, KEY, RULES) ?? {};
    const item = twinItem(content, { version: 'v1' }, RULES);

    expect(withoutStamp(item, RULES)).toEqual(content);
    expect(content).toEqual(SOURCE);
  });
});

describe('in the sources', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => [name, readFileSync(join('src', name), 'utf8')] as const);
  const having = (...patterns: readonly RegExp[]) =>
    files.filter(([, text]) => patterns.every((one) => one.test(text))).map(([name]) => name);

  it('whatever puts an item into the twin makes it with twinItem', () => {
    const puts = having(/\bItem: /, /\bTableName: (?:rules\.)?destinationTable\b/);

    // As an application would: a write that is stranded, into the active table; and one that a slow clock has stamped
    // below a delete, with another version.
    const ofApplication = ['model/near-request.ts', 'switching/stranded-replay.ts'];
    expect(puts.toSorted()).toEqual(
      ['backfill/copy.ts', 'model/guarded-put.ts', 'resync/compare-and-set.ts']
        .concat(ofApplication)
        .toSorted(),
    );
    expect(puts.filter((name) => !ofApplication.includes(name))).toEqual(
      having(/\btwinItem\(/).filter((name) => name !== 'model/twin-item.ts'),
    );
  });

  it('items are compared in one place', () => {
    expect(having(/\bcanonicalItem\b/).toSorted()).toEqual([
      'model/attribute-value.ts',
      'model/discrepancy.ts',
    ]);
  });
});
