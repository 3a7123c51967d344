// The plot in plain text and the plot as a picture say the same as the figures.

import { describe, expect, it } from 'vitest';
import { latencyPlot } from '../../src/local/latency/latency-plot.ts';
import type { LatencySample } from '../../src/local/latency/latency-share.ts';
import { latencySvg } from '../../src/local/latency/latency-svg.ts';

/** Half at 100 ms, half at 1,000 ms. */
const halves = { rate: 30, latenciesMs: [100, 100, 1_000, 1_000] };
const all = (rate: number, ms: number) => ({ rate, latenciesMs: [ms, ms, ms] });
const lossy = { rate: 90, latenciesMs: [100, 100, 100, Infinity] };

const PANEL = 4;
/** The cells of one panel, from its top row down, without the side. */
const cells = (lines: readonly string[], panel = 0) => {
  const from = panel * (PANEL + 1) + 1;
  return lines.slice(from, from + PANEL).map((line) => line.slice(8));
};
/** The first column that is filled in each row, from the top down. */
const firsts = (rows: readonly string[]) => rows.map((row) => row.search(/[▁▂▃▄▅▆▇█]/));

describe('the plot in plain text', () => {
  it.each([40, 80, 200])('fits %i columns, at any level and latency', (columns) => {
    const samples = [halves, lossy, all(2_000, 59_999), all(1, 1), { rate: 5, latenciesMs: [] }];
    const lines = latencyPlot(samples, columns);

    for (const line of lines) expect(line.length).toBeLessThan(Math.min(columns, 80));
    expect(lines.join('\n')).toContain('█');
    expect(lines.filter((line) => line !== line.trimEnd())).toEqual([]);
  });

  it('rises where the latencies are, as high as their share', () => {
    const lines = latencyPlot([halves]);
    const [top, upper, lower, bottom] = firsts(cells(lines));
    const ticks = lines.at(-3)?.slice(8) ?? '';

    expect(lower).toBe(bottom);
    expect(top).toBe(upper);
    // The axis begins at 100 ms here, and the step to the whole is at 1,000 ms.
    expect(bottom).toBe(0);
    expect(ticks[top ?? -1]).toBe('┴');
    expect(
      lines
        .at(-2)
        ?.slice(8 + (top ?? 0) - 3, 8 + (top ?? 0) + 4)
        .trim(),
    ).toBe('1,000');
  });

  it('looks whole only where everything has arrived', () => {
    const almost = { rate: 90, latenciesMs: [...Array.from({ length: 999 }, () => 50), Infinity] };
    const lines = latencyPlot([almost, all(180, 50)]);
    const tops = [0, 1].map((panel) => new Set(cells(lines, panel)[0]?.replaceAll('◇', '')));

    expect(tops).toEqual([new Set('▇'), new Set('█')]);
  });

  it('shows every level on its own, with the three points of the reference', () => {
    const lines = latencyPlot([halves, lossy]);

    expect(lines.filter((line) => line.endsWith('writes/s'))).toEqual([
      '30 writes/s',
      '90 writes/s',
    ]);
    for (const panel of [0, 1]) {
      expect(cells(lines, panel).join('').match(/◇/g)).toHaveLength(3);
      expect(cells(lines, panel).map((row) => row.includes('◇'))).toEqual([
        true,
        true,
        false,
        false,
      ]);
    }
  });
});

describe('the plot as a picture', () => {
  const pointsOf = (svg: string) =>
    [...svg.matchAll(/<polyline[^>]* points="([^"]+)"/g)].map((match) =>
      (match[1] ?? '').split(' ').map((pair) => pair.split(',').map(Number)),
    );
  /** Y of the level line with this text beside it. */
  const yOf = (svg: string, label: string) =>
    Number(new RegExp(`y="([\\d.]+)" class="soft" text-anchor="end">${label}<`).exec(svg)?.[1]) - 4;

  it('has a curve per level, from nothing to its share', () => {
    const svg = latencySvg([halves, lossy]);
    const [whole = [], part = []] = pointsOf(svg);

    expect(pointsOf(svg)).toHaveLength(2);
    expect(whole.at(-1)?.[1]).toBeCloseTo(yOf(svg, '100 %'));
    expect(part.at(-1)?.[1]).toBeCloseTo(yOf(svg, '75 %'));
    expect(new Set(whole.map(([, y]) => y)).size).toBe(2);
  });

  it('is whole in itself, and closes what it opens', () => {
    const svg = latencySvg([halves, lossy, all(300, 20)]);

    expect(svg).not.toMatch(/href|url\(|<script|@import|NaN|undefined|Infinity/);
    const count = (pattern: RegExp) => svg.match(pattern)?.length;
    expect(count(/<\w/g)).toBe((count(/<\/\w/g) ?? 0) + (count(/\/>/g) ?? 0));
  });

  it('names axes, levels and reference, and reads on dark ground', () => {
    const svg = latencySvg([halves, lossy]);

    expect(svg).toContain('>share of items<');
    expect(svg).toContain('log scale');
    expect(svg).toContain('>30 writes/s, p99 1,000 ms<');
    expect(svg).toContain('>90 writes/s, p99 never<');
    for (const point of ['70 % in 1,200 ms', '90 % in 2,000 ms', '99 % in 3,000 ms']) {
      expect(svg).toContain(`>${point}<`);
    }
    expect(svg).toContain('prefers-color-scheme: dark');
  });

  it('stays small, however many writes there were', () => {
    const latenciesMs = Array.from({ length: 200_000 }, (_, index) => 10 + index / 50);
    const samples: LatencySample[] = [30, 90, 180, 300].map((rate) => ({ rate, latenciesMs }));

    expect(latencySvg(samples).length).toBeLessThan(60_000);
  });
});
