import { describe, expect, it } from 'vitest';
import { selectTables } from '../../src/init/select-tables.ts';

const ALL = { match: [], exclude: [] };
const SOURCE = ['prod-b', 'prod-a', 'tmp-a', 'dev.a', 'ferry-orders-state', 'ferry-state'];
const select = (patterns: Partial<typeof ALL> | Record<string, string[]> = {}) =>
  selectTables(
    { source: SOURCE, destination: ['prod-a', 'tmp-a', 'ferry-state', 'other'] },
    { ...ALL, ...patterns },
  );

describe('the tables of a Region', () => {
  it('are pairs where the other Region has one of the same name, and Ferry’s own are none', () => {
    expect(select()).toEqual({
      pairs: ['ferry-state', 'prod-a', 'tmp-a'],
      withoutTwin: ['dev.a', 'prod-b'],
      own: ['ferry-orders-state'],
    });
  });

  it.each<[string, Record<string, string[]>, string[]]>([
    ['one pattern', { match: ['prod-*'] }, ['prod-a']],
    ['several', { match: ['prod-*', '*-state'] }, ['ferry-state', 'prod-a']],
    ['a whole name', { match: ['prod-a'] }, ['prod-a']],
    ['not a part of a name', { match: ['prod', 'rod-a'] }, []],
    ['what is excluded', { exclude: ['tmp-*'] }, ['ferry-state', 'prod-a']],
    ['what is excluded of what matches', { match: ['*-a'], exclude: ['t*', 'x'] }, ['prod-a']],
  ])('are chosen by %s', (_, patterns, expected) => {
    expect(select(patterns).pairs).toEqual(expected);
  });

  it('are matched by their own characters: a dot is a dot', () => {
    expect(select({ match: ['dev?a', 'dev-a', 'd.v*'] }).withoutTwin).toEqual([]);
    expect(select({ match: ['dev.*'] }).withoutTwin).toEqual(['dev.a']);
  });
});
