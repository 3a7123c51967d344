// What a sample has read, and what it proves, for people or for machines.

import { CONFIDENCE, differingBelow, percentBelow } from '../verify/sample.ts';
import type { VerifyReport } from '../verify/verify.ts';
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
    return [`Verify compared everything instead of a sample, because ${WHY[scope.insteadOf.why]}.`];
  if (scope.kind !== 'sample') return [];
  const { segments, totalSegments } = scope;
  const { items, differing, ...bounds } = boundsOf(report, segments.length);
  if (items === 0) return [];
  const confidence = `With ${CONFIDENCE * 100} % confidence`;
  return [
    `${grouped(differing)} of ${grouped(items)} sampled items are different or undecided. The sample is ${grouped(segments.length)} of ${grouped(totalSegments)} segments, chosen at random, with all their items.`,
    `${confidence}, at most ${percentBelow(bounds.segmentsBelow)} % of the segments have such an item.`,
    `${confidence}, at most ${percentBelow(bounds.itemsBelow)} % of the items are different or undecided, if those items are spread evenly. Items with one partition key share a segment, and a lost batch can be in few segments.`,
    'A sample is not a proof. Run the command without --sample to compare everything.',
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
