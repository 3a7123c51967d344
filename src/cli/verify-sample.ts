// What a sample has read, and what it proves, for people or for machines.

import { CONFIDENCE, type Sample, sampleBounds, sampleSentence } from '../verify/confidence.ts';
import { differences, type VerifyReport } from '../verify/verify.ts';
import { grouped, type Io } from './output.ts';
import type { Scope } from './verify-scope.ts';

interface Sampled {
  readonly report: VerifyReport;
  readonly scope: Scope;
}

const WHY = { small: 'the tables are small', 'as-cheap': 'the sample would cost as much' } as const;

/** Printed before the work, because it can be more than a sample. */
export function announceScope(scope: Scope, io: Io): void {
  if (scope.kind !== 'everything' || scope.insteadOf === undefined) return;
  const { percent, why } = scope.insteadOf;
  io.err(
    `Verify compares everything instead of a sample of ${percent}%, because ${WHY[why]}. DynamoDB updates table sizes about every six hours.`,
  );
}

/** For machines: what was asked for, what was read, and what it proves. */
export function sampleFacts({ report, scope }: Sampled): object {
  if (scope.kind === 'everything' && scope.insteadOf !== undefined) {
    const { percent, why } = scope.insteadOf;
    return { sample: { percent, everything: true, why } };
  }
  if (scope.kind !== 'sample') return {};
  const { percent, totalSegments } = scope;
  const { ranges, largestRange, differing, items } = sampleOf(report, scope.segments.length);
  return {
    sample: {
      percent,
      everything: false,
      segments: ranges,
      totalSegments,
      items,
      largestRange,
      differing,
      confidence: CONFIDENCE,
      ...sampleBounds(sampleOf(report, ranges)),
    },
  };
}

export function sampleLines({ report, scope }: Sampled): string[] {
  if (scope.kind === 'everything' && scope.insteadOf !== undefined)
    return [`Verify compared everything instead of a sample, because ${WHY[scope.insteadOf.why]}.`];
  if (scope.kind !== 'sample') return [];
  const sample = sampleOf(report, scope.segments.length);
  if (sample.items === 0) return [];
  return [`${sampleSentence(sample)}.`, rangesSentence(sample, scope.totalSegments), NO_PROOF];
}

const NO_PROOF = 'A sample is not a proof. Run the command without --sample to compare everything.';

/** What was drawn, and under which condition the bound holds. */
function rangesSentence({ ranges, largestRange }: Sample, totalRanges: number): string {
  return `The sample is ${grouped(ranges)} of ${grouped(totalRanges)} ranges of the key space, chosen at random. The percentage holds wherever the differences are, unless a range has more items than the largest of the sample (${grouped(largestRange)}).`;
}

function sampleOf(report: VerifyReport, ranges: number): Sample {
  const { inFlight, unreadable, largestSegmentItems: largestRange } = report;
  const undecided = inFlight + unreadable;
  const differing = differences(report) + undecided;
  const items = Math.max(report.items, report.destinationItems, differing);
  return { ranges, items, largestRange, differing, undecided };
}
