// What `ferry local` shows while it runs, and what it says of its rate at the end.

import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import type { LocalRunSummary } from '../../src/local/run/run-summary.ts';

/** @param widths of the terminal, another one for each status line; without them, there is none. */
async function local(widths: readonly number[], ...args: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const status: Array<{ columns: number; line: string }> = [];
  const columns = () => widths[status.length % widths.length] ?? 0;
  await main(['local', ...args], {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    status: (line) => status.push({ columns: columns(), line }),
    isTerminal: widths.length > 0,
    statusColumns: widths.length === 0 ? undefined : () => columns() - 1,
    environment: {},
    interrupted: new AbortController().signal,
  });
  return { out, err, status };
}

const NO_TERMINAL: readonly number[] = [];

describe('the status line of a run', { timeout: 120_000 }, () => {
  it('shows lag and dead letters on a terminal of 40, 80 and 200 columns', async () => {
    const { status } = await local([40, 80, 200], '--rate', '50', '--duration', '3');

    expect(new Set(status.map(({ columns }) => columns))).toEqual(new Set([40, 80, 200]));
    for (const { columns, line } of status) {
      expect(line.length).toBeLessThan(columns);
      expect(line).toMatch(/^lag .* {2}dead letters 0\b/);
    }
    const wide = status.filter(({ columns }) => columns === 200);
    for (const { line } of wide) expect(line).toMatch(/ {2}writes \d+ .* {2}coalesced \d+$/);
  });

  it('is no line of a log twice', async () => {
    const { status, err } = await local(NO_TERMINAL, '--rate', '20', '--duration', '12');
    const lines = err.filter((line) => line.startsWith('lag '));

    expect(status).toEqual([]);
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.filter((line, index) => line === lines[index - 1])).toEqual([]);
  });
});

describe('the rate of a run', { timeout: 120_000 }, () => {
  /** More than one engine takes, on any machine. */
  const TOO_MUCH = ['--rate', '10000', '--duration', '2'];

  it('that was missed is told as text', async () => {
    const { out, err } = await local(NO_TERMINAL, ...TOO_MUCH);

    expect(out.join('\n')).toMatch(/^ {2}writes\/s +[\d,.]+ of 10,000$/m);
    expect(err.join('\n')).toMatch(
      /^The rate was missed: [\d,.]+ of 10,000 writes\/s were reached\. The source or this machine is too slow\.$/m,
    );
  });

  it('that was missed is told as JSON', async () => {
    const { out } = await local(NO_TERMINAL, ...TOO_MUCH, '--json');
    const summary = JSON.parse(out.join('\n')) as LocalRunSummary;

    expect(summary.askedWritesPerSecond).toBe(10_000);
    expect(summary.writesPerSecond).toBeGreaterThan(0);
    expect(summary.writesPerSecond).toBeLessThan(9_500);
  });

  it('that was reached is not complained about', async () => {
    const { out, err } = await local(NO_TERMINAL, '--rate', '2', '--duration', '2');

    expect(out.join('\n')).toMatch(/^ {2}writes\/s +2$/m);
    expect(err.join('\n')).not.toContain('missed');
  });
});
