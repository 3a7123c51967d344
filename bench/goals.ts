// What is wanted, beside what was found.

import type { ApproachName } from './approaches.ts';
import { cpuPerRecord, median, perSecond, ratios, type Result, spread } from './results.ts';

export interface Found {
  readonly results: readonly Result[];
  /** Ours and the bare stock client's, milliseconds. */
  readonly coldStarts: ReadonlyArray<readonly [number, number]>;
  /** Microseconds per record. */
  readonly growth: ReadonlyArray<{ readonly firstUs: number; readonly allUs: number }>;
  readonly catchUp: ReadonlyArray<{ readonly ferry: number; readonly limit: number }>;
}

export interface Goal {
  readonly what: string;
  /** @default x, of a ratio */
  readonly unit?: 'x' | 'MiB' | 'µs';
  readonly least?: number;
  readonly most?: number;
  /** One for each round. */
  readonly figures: readonly number[];
}

export function isMet({ least = -Infinity, most = Infinity, figures }: Goal): boolean {
  const found = median(figures);
  return found >= least && found <= most;
}

export function wantedText({ least, most, unit = 'x' }: Goal): string {
  if (least === undefined) return `at most ${most} ${unit}`;
  return most === undefined ? `at least ${least} ${unit}` : `${least} to ${most} ${unit}`;
}

/** The median, and in brackets the lowest and the highest. */
export function foundText({ figures, unit = 'x' }: Goal): string {
  return `${spread(figures)} ${unit}`;
}

export function goalsOf({ results, coldStarts, growth, catchUp }: Found): Goal[] {
  const of = (scenario: string, approach: ApproachName): Result => {
    const found = results.find((one) => one.scenario === scenario && one.approach === approach);
    if (found === undefined) throw new Error(`there is no "${scenario}" with "${approach}"`);
    return found;
  };
  const against = (scenario: string, other: ApproachName, figure: typeof perSecond) =>
    ratios(of(scenario, 'ferry'), of(scenario, other), figure);
  const [far, near] = ['round trip 70 ms', 'round trip 0 ms'];
  const zipf = 'zipf: 10,000 records of 1,000 items';
  const fullEvent = of('a full event in 256 MiB: 10,000 records of 600 B', 'ferry, 256 MiB');
  return [
    {
      what: 'records/s at 70 ms, against the stock SDK, one after the other',
      least: 300,
      figures: against(far, 'stock SDK, one after the other', perSecond),
    },
    {
      what: 'records/s at 70 ms, against the stock SDK, all at once',
      least: 8,
      figures: against(far, 'stock SDK, all at once', perSecond),
    },
    {
      what: 'records/s at 70 ms, against batch writes without conditions',
      least: 1.5,
      figures: against(far, 'stock SDK, batch writes, no conditions', perSecond),
    },
    {
      what: 'processor time per record at 0 ms, against the stock SDK',
      most: 0.12,
      figures: against(near, 'stock SDK, all at once', cpuPerRecord),
    },
    {
      what: 'processor time per record at 0 ms, against the leanest client',
      most: 1.6,
      figures: against(near, 'leanest', cpuPerRecord),
    },
    {
      what: 'records/s of a zipf batch, against ferry without coalescing',
      least: 5,
      figures: against(zipf, 'ferry, never coalescing', perSecond),
    },
    {
      what: 'catching up on the embedded engine, against its own limit for conditional puts',
      least: 0.8,
      figures: catchUp.map(({ ferry, limit }) => ferry / limit),
    },
    {
      what: 'module init and first request, against a bare stock client',
      most: 0.5,
      figures: coldStarts.map(([ours, stock]) => ours / stock),
    },
    {
      what: 'peak memory of a full event: 10,000 records of 600 B',
      unit: 'MiB',
      most: 256,
      figures: fullEvent.rounds.map(({ peakMiB }) => peakMiB),
    },
    {
      what: 'time per record of 1,000,000 records, against the first thousands',
      least: 0.85,
      most: 1.15,
      figures: growth.map(({ firstUs, allUs }) => allUs / firstUs),
    },
  ];
}
