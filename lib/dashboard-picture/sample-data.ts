// What CloudWatch would know of the sample story: for a metric and a statistic, a value for each minute, or
// none where the service has none.

import type { MetricName } from '../../src/contract.ts';
import type { Series } from './metric-math.ts';
import { type Minute, MINUTES, sampleStory, wobble } from './sample-story.ts';

export { MINUTES };

export const SAMPLE_CAPTION =
  'Sample data: at 09:55 the destination is out of reach for ten minutes; at 10:24 records become dead letters, redriven at 10:57; conflicts from 11:20 to 11:35.';

export interface MetricQuery {
  readonly namespace: string;
  readonly name: string;
  /** Names and values. */
  readonly dimensions: readonly string[];
  readonly stat: string;
}

type Figure = (minute: Minute, stat: string, dimensions: readonly string[]) => number | undefined;

/** @throws Error for a metric without sample data. */
export function sampleData(): (metric: MetricQuery) => Series {
  const story = sampleStory();
  return ({ namespace, name, dimensions, stat }) => {
    const figure: Figure | undefined = FIGURES[namespace]?.[name];
    if (figure === undefined) throw new Error(`There is no sample data for ${namespace} ${name}.`);
    return story.map((minute) => figure(minute, stat, dimensions));
  };
}

const nothing: Figure = () => undefined;
const none: Figure = () => 0;

const OWN: Readonly<Record<MetricName, Figure>> = {
  ReplicationLatency: latency,
  HeartbeatLatency: ({ at, waits }) => {
    const [longest] = waits.toReversed();
    return longest && Math.round(longest.ms + 330 + 90 * wobble('beat', at));
  },
  NegativeLatencies: ({ at }) => (at === 31 || at === 32 ? 2 : 0),
  TimestampFallbacks: nothing,
  HeartbeatAge: none,
  AppliedRecords: ({ applied }) => applied,
  SupersededRecords: ({ superseded: { redelivery, newer, deleted } }) =>
    redelivery + newer + deleted,
  SupersededByRedelivery: ({ superseded }) => superseded.redelivery,
  SupersededByNewerItem: ({ superseded }) => superseded.newer,
  SupersededByTombstone: ({ superseded }) => superseded.deleted,
  CoalescedRecords: ({ coalesced }) => coalesced,
  SkippedRecords: none,
  RetriedRecords: ({ retried }) => retried,
  HeldRecords: none,
  Revenants: none,
  DeadLetteredRecords: ({ deadLettered }) => deadLettered,
  DestinationThrottles: ({ throttled }) => throttled,
  DestinationUnreachable: ({ at, isOut }) =>
    isOut ? Math.round(60 + 14 * wobble('unreachable', at)) : 0,
  DestinationDenied: none,
  OldestUnappliedAge: ({ oldestMs }) => oldestMs,
  PendingRecords: ({ at, waiting, isOut, isCatchingUp }) =>
    isOut || isCatchingUp ? Math.round(waiting / 2) : Math.round(9 + 9 * wobble('pending', at)),
};

const LAMBDA: Readonly<Record<string, Figure>> = {
  IteratorAge: ({ at, oldestMs }) => Math.max(oldestMs, 500 + Math.round(300 * wobble('age', at))),
  Invocations: invocations,
  Duration: (minute, stat) =>
    stat === 'Sum'
      ? Math.round(0.7 * invocations(minute) * duration(minute))
      : rounded(minute, stat),
  Errors: none,
  Throttles: none,
  ConcurrentExecutions: ({ at, isOut }) => (isOut || wobble('both', at) > -0.94 ? 2 : 1),
  PolledEventCount: ({ finished, isOut }) => (isOut ? 0 : finished),
  InvokedEventCount: ({ finished, retried }) => finished + retried,
  FailedInvokeEventCount: ({ retried }) => (retried === 0 ? undefined : retried),
  FilteredOutEventCount: nothing,
  DroppedEventCount: nothing,
  OnFailureDestinationDeliveredEventCount: nothing,
  DestinationDeliveryFailures: nothing,
};

const FIGURES: Readonly<Record<string, Readonly<Record<string, Figure>>>> = {
  Ferry: OWN,
  'AWS/Lambda': LAMBDA,
  'AWS/DynamoDB': {
    ConsumedWriteCapacityUnits: ({ applied }, _, dimensions) =>
      // A delete leaves a row in the state table.
      Math.round(isStateTable(dimensions) ? applied * 0.16 : applied * 1.5),
    WriteThrottleEvents: ({ throttled }, _, dimensions) =>
      throttled === 0 || isStateTable(dimensions) ? undefined : throttled,
  },
  'AWS/SQS': {
    ApproximateNumberOfMessagesVisible: ({ deadLetters }) => deadLetters,
    ApproximateAgeOfOldestMessage: ({ at, oldestDeadLetterSeconds }, _, dimensions) =>
      // Announcements wait for as long as they are delayed.
      dimensions.some((value) => value.includes('LookAgain'))
        ? Math.round(128 + 3 * wobble('look again', at))
        : oldestDeadLetterSeconds,
  },
};

function isStateTable(dimensions: readonly string[]): boolean {
  return dimensions.some((value) => value.endsWith('-state'));
}

/** Of percentiles. */
function latency({ at, waits }: Minute, stat: string): number | undefined {
  const share = Number(stat.slice(1)) / 100;
  const all = waits.reduce((sum, { records }) => sum + records, 0);
  let rank = share * all;
  const wait = waits.find(({ records }) => {
    rank -= records;
    return rank <= 0;
  });
  if (wait === undefined) return undefined;
  const slow = Math.max(0, wobble('slow', at));
  return Math.round(
    wait.ms + 120 + 620 * share + 50 * wobble('latency', at) + (share > 0.95 ? 900 * slow : 0),
  );
}

function invocations({ at, isOut, isCatchingUp }: Minute): number {
  if (isOut) return 2;
  return isCatchingUp ? 24 : 110 + Math.round(12 * wobble('invocations', at));
}

/** In milliseconds, of the slower ones: those that wait for the destination take all of their time. */
function duration({ at, isOut, isCatchingUp }: Minute): number {
  if (isOut) return 53_800 + 150 * wobble('duration', at);
  if (isCatchingUp) return 6_200 + 900 * wobble('duration', at);
  return 420 + 90 * wobble('duration', at);
}

function rounded(minute: Minute, stat: string): number {
  return Math.round(
    duration(minute) + (stat === 'Maximum' ? 160 + 60 * wobble('longest', minute.at) : 0),
  );
}
