import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { goalsOf, isMet } from '../../bench/goals.ts';
import { makeBatch } from '../../bench/batches.ts';
import { RESULTS_FILE } from '../../bench/results.ts';
import { between, readResults, withTables } from '../../bench/tables.ts';

describe('the figures in the documents', () => {
  it.each(['README.md', 'bench/README.md'])('are those that were measured: %s', (path) => {
    expect(existsSync(RESULTS_FILE)).toBe(true);
    expect(readFileSync(path, 'utf8')).toBe(withTables(path, readResults()));
  });

  it('name what was missed', () => {
    const missed = goalsOf(readResults()).filter((goal) => !isMet(goal));
    const text = readFileSync('README.md', 'utf8');

    for (const { what } of missed)
      expect(text).toMatch(new RegExp(`\\| ${escaped(what)} \\|.*\\*\\*missed\\*\\*`));
  });

  it('have a place, or there is an error', () => {
    expect(between('a <!-- x -->old<!-- end of x --> b', 'x', 'new')).toBe(
      'a <!-- x -->\n\nnew\n\n<!-- end of x --> b',
    );
    expect(() => between('a', 'x', 'new')).toThrow('there is no place');
  });
});

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);
}

describe('a batch to measure with', () => {
  it('is the same in every run, and as many items as it says', () => {
    const shape = { records: 1_000, keys: 100, bytes: 300, deleteShare: 0.5 };
    const batch = makeBatch(shape);
    const keys = new Set(
      batch.map((record) =>
        JSON.stringify((record as { dynamodb: { Keys: object } }).dynamodb.Keys),
      ),
    );

    expect(makeBatch(shape)).toEqual(batch);
    expect(keys.size).toBeLessThanOrEqual(100);
    expect(keys.size).toBeGreaterThan(60);
    expect(JSON.stringify(batch)).toContain('"REMOVE"');
  });
});
