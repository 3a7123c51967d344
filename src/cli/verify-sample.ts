// What a sample has read, and what that proves, for people or for machines.

import { CONFIDENCE, differingBelow, percentBelow } from '../verify/sample.ts';
import type { VerifyReport } from '../verify/verify.ts';
import { grouped, type Io } from './output.ts';
import type { Scope } from './verify-scope.ts';

interface Sampled {
  readonly report: VerifyReport;
  readonly scope: Scope;
}

const WHY = {
  small: 'the tables are so small',
  'as-cheap': 'such a sample costs as much',
} as const;

/** Said before the work, because it may be more than was asked for. */
export function announceScope(scope: Scope, io: Io): void {
  if (scope.kind !== 'everything' || scope.insteadOf === undefined) return;
  const { percent, why } = scope.insteadOf;
  io.err(
    `Instead of a sample of ${percent}%, everything is compared, because ${WHY[why]}. DynamoDB counts sizes about every six hours.`,
  );
}

/** For machines: what was asked for, what was read, and what it proves. */
export function sampleFacts({ report, scope }: Sampled): object {
  if (scope.kind === 'everything' && scope.insteadOf !== undefined) {
    const { percent, why } = scope.insteadOf;
    return { sample: { percent, everything: true, why } };
  }
  if (scope.kind !== 'sample') return {};
  const { percent, segments, totalSegments } = scope;
  const { differing, items, ...bounds } = boundsOf(report, segments.length);
  return {
    sample: {
      percent,
      everything: false,
      segments: segments.length,
      totalSegments,
      items,
      differing,
      confidence: CONFIDENCE,
      ...bounds,
    },
  };
}

export function sampleLines({ report, scope }: Sampled): string[] {
  if (scope.kind === 'everything' && scope.insteadOf !== undefined)
    return [`Everything was compared, not a sample, because ${WHY[scope.insteadOf.why]}.`];
  if (scope.kind !== 'sample') return [];
  const { segments, totalSegments } = scope;
  const { items, differing, ...bounds } = boundsOf(report, segments.length);
  if (items === 0) return [];
  const confidence = `With ${CONFIDENCE * 100} % confidence`;
  return [
    `${grouped(differing)} of ${grouped(items)} sampled items differ or are undecided. They are all items of ${grouped(segments.length)} of ${grouped(totalSegments)} segments, chosen at random.`,
    `${confidence}, at most ${percentBelow(bounds.segmentsBelow)} % of the segments have such an item.`,
    `${confidence}, at most ${percentBelow(bounds.itemsBelow)} % of the items do, if those are spread evenly. Items with one partition key share a segment, and a lost batch may be in few segments.`,
    'A sample does not replace a comparison of everything: leave out --sample for a proof.',
  ];
}

/** What is undecided counts as differing; and each such item may be in a segment of its own. */
function boundsOf(report: VerifyReport, segments: number) {
  const { missing, different, extraneous, inFlight, unreadable } = report;
  const differing = missing + different + extraneous + inFlight + unreadable;
  const items = Math.max(report.items, report.destinationItems, differing);
  const inSegments = Math.min(segments, differing);
  return {
    items,
    differing,
    segmentsBelow: differingBelow({ sampled: segments, differing: inSegments }),
    itemsBelow: differingBelow({ sampled: items, differing }),
  };
}
