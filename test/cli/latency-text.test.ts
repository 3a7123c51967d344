// The figures of `ferry latency` on terminals of any width.

import { describe, expect, it } from 'vitest';
import { latencyFacts, latencyText } from '../../src/cli/latency-plot.ts';
import type { LatencyLevel, LatencyRun } from '../../src/local/latency/latency-run.ts';

const times = { p50: 1_180, p90: 2_100, p99: 12_900, max: 13_500 };
const run: LatencyRun = {
  levels: [
    {
      carrier: 'lambda',
      rate: 300,
      planned: 6_000,
      writes: 6_000,
      arrived: 5_999,
      latenciesMs: Array.from({ length: 100 }, (_, index) => 100 * (index + 1)),
      latencyMs: times,
      slackMs: { p50: 1, p90: 2, p99: 3, max: 4 },
      lateMsMax: 12_345,
      reachedRate: 150.5,
    },
  ],
  firstItemMs: { lambda: 987 },
  engine: 'embedded',
};

describe.each([40, 80, 200])('on a terminal of %i columns', (columns) => {
  const lines = latencyText(run, undefined, columns);

  it('no line is broken', () => {
    expect(lines.filter((line) => line.length > columns)).toEqual([]);
    expect(lines.filter((line) => line !== line.trimEnd())).toEqual([]);
  });

  it('rate, p50, p99 and the share of the items are there', () => {
    const heading = lines.find((line) => line.includes('p50')) ?? '';
    const row = lines.find((line) => line.startsWith('      300')) ?? '';

    expect(heading).toMatch(/writes\/s.* p50.* p99.* ≤3,000/);
    expect(row).toMatch(/300.* 1,180.* 12,900.* 30 %/);
    expect(lines.join(' ')).toContain("Ferry's own share of the time, not AWS's");
  });
});

it('is as wide as a page in a file', () => {
  const lines = latencyText(run, undefined);

  expect(lines).toEqual(latencyText(run, undefined, 80));
  expect(lines.join('\n')).toContain(' max');
});

it('tells machines the rate that was reached, as a number', () => {
  expect(JSON.parse(JSON.stringify(latencyFacts(run)))).toMatchObject({
    levels: [{ rate: 300, reachedRate: 150.5 }],
  });
});

describe('beside `ferry run`', () => {
  const [level] = run.levels as readonly [LatencyLevel];
  const both: LatencyRun = {
    ...run,
    levels: [level, { ...level, carrier: 'run', latencyMs: { ...times, p99: 800 } }],
    firstItemMs: { lambda: 987, run: 654 },
  };
  const lines = latencyText(both, undefined);

  it('has a row and a panel for each', () => {
    expect(lines.filter((line) => /^ +300 /.test(line))).toEqual([
      expect.stringMatching(/300 +Lambda .* 12,900 /),
      expect.stringMatching(/300 +ferry run .* 800 /),
    ]);
    expect(lines).toEqual(
      expect.arrayContaining(['300 writes/s', '300 writes/s, ferry run']) as string[],
    );
    expect(lines.join(' ')).toContain('987 ms, and 654 ms with the start of `ferry run`');
  });

  it('tells machines which one it was', () => {
    expect(latencyFacts(both)).toMatchObject({
      levels: [{ by: 'lambda' }, { by: 'run', latencyMs: { p99: 800 } }],
      firstItemMs: 987,
      firstItemOfRunMs: 654,
    });
  });

  it('names no carrier where there is one', () => {
    expect(latencyText(run, undefined).join(' ')).not.toMatch(/Lambda|ferry run/);
  });
});
