// What the live page shows of a run in both directions.

import { grouped } from '../../text/number-text.ts';
import type { Percentiles } from '../cloudwatch/metrics-tally.ts';
import type { StoryView, TitledFigures } from '../page/page-view.ts';
import type { BothDirections, LocalWorld } from '../run/local-world.ts';

/** What is known at the moment. */
export interface BothScene {
  readonly line: string;
  /** Of the last records that were applied, by direction. */
  readonly latency: Readonly<Record<'outward' | 'back', Percentiles | undefined>>;
}

export function bothView(both: BothDirections, { line, latency }: BothScene): StoryView {
  const { source, destination } = both.outward;
  return {
    source: source.region,
    destination: destination.region,
    route: `${source.region} ⇄ ${destination.region}`,
    step: line,
    first: directionFigures(both.outward, latency.outward),
    second: directionFigures(both.back, latency.back),
  };
}

function directionFigures(
  { source, destination, tally }: Pick<LocalWorld, 'source' | 'destination' | 'tally'>,
  latency: Percentiles | undefined,
): TitledFigures {
  const text = (ms: number | undefined) => (ms === undefined ? '–' : `${grouped(ms)} ms`);
  return {
    title: `${source.region} → ${destination.region}`,
    figures: [
      ['Latency, p50', text(latency?.p50)],
      ['Latency, p99', text(latency?.p99)],
      ['Applied', grouped(tally.sum('AppliedRecords'))],
      ["Ferry's own records", grouped(tally.sum('OwnRecords'))],
      ['Stray writes', grouped(tally.sum('StrayWrites'))],
      ['Conflicts', grouped(tally.sum('Conflicts'))],
    ],
  };
}
