// Figures of several rounds, and what can be said of them.

import type { ApproachName } from './approaches.ts';
import type { Figures } from './measure.ts';

export const RESULTS_FILE = 'bench/results.json';

export interface Result {
  readonly scenario: string;
  readonly approach: ApproachName;
  /** One for each round. */
  readonly rounds: readonly Figures[];
  /** Write units per record, from a run of its own. */
  readonly unitsPerRecord: number;
}

export const perSecond = ({ records, wallMs }: Figures) => (records * 1000) / wallMs;
export const cpuPerRecord = ({ cpuUs, records }: Figures) => cpuUs / records;

/** Round by round, because a busy minute strikes both. */
export function ratios(
  a: Result,
  b: Result,
  figure: (figures: Figures) => number,
): readonly number[] {
  return a.rounds.map((one, index) => figure(one) / figure(b.rounds[index] as Figures));
}

export function median(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[figures.length >> 1] ?? Number.NaN;
}

/** Three digits that count. */
export function short(figure: number): string {
  return Number(figure.toPrecision(3)).toLocaleString('en');
}

/** The median, and in brackets the lowest and the highest of several. */
export function spread(figures: readonly number[]): string {
  if (figures.length === 1) return short(median(figures));
  const [low, high] = [Math.min(...figures), Math.max(...figures)];
  return `${short(median(figures))} (${short(low)}-${short(high)})`;
}
