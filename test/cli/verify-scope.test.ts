import { describe, expect, it } from 'vitest';
import { reportPath } from '../../src/cli/verify-scope.ts';
import { mayReplace, type ReportScope } from '../../src/verify/difference-report.ts';

const SCOPES: readonly ReportScope[] = ['everything', 'sample', 'key'];
const header = {
  ferry: 'differences' as const,
  replication: 'orders',
  source: 's',
  destination: 'd',
  startedAt: 'now',
};

describe('the report of a comparison', () => {
  it.each<[ReportScope, string | undefined]>([
    ['everything', 'ferry-orders-differences.jsonl'],
    ['sample', 'ferry-orders.sample-differences.jsonl'],
    ['key', undefined],
  ])('is the replication’s own only if everything was compared: %s', (scope, path) => {
    expect(reportPath(scope, { named: undefined, replication: 'orders' })).toBe(path);
    expect(reportPath(scope, { named: 'mine', replication: 'orders' })).toBe('mine');
  });

  it('replaces those that prove no more', () => {
    const replaced = (existing: object) =>
      SCOPES.filter((scope) => mayReplace({ ...header, ...existing }, scope));

    expect(replaced({ scope: 'everything' })).toEqual(['everything']);
    // Of an earlier release, which does not tell.
    expect(replaced({})).toEqual(['everything']);
    expect(replaced({ scope: 'sample' })).toEqual(SCOPES);
    expect(replaced({ scope: 'key' })).toEqual(SCOPES);
  });
});
