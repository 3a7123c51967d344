// When the alarms of a replication fire, what that means and what to do first. The runbook takes its numbers from
// here.

import type { ReplicationConfig } from '../config/schema.ts';
import { lagAlarms } from './lag-rules.ts';
import { lookAgainAlarms, lossAlarms } from './loss-rules.ts';
import { reconcileAlarms } from './reconcile-rules.ts';
import { type AlarmDraft, type AlarmRule, metric, own } from './rule.ts';

export function alarmRules(replication: ReplicationConfig): AlarmRule[] {
  const drafts = [
    ...lagAlarms(replication),
    ...lossAlarms(replication),
    ...strayAlarms(replication),
    ...switchingAlarms(replication),
    ...kinesisAlarms(replication),
    ...lookAgainAlarms(replication),
    ...reconcileAlarms(replication),
    ...failureAlarms(),
  ];
  const periods = invocationMinutes(replication);
  return drafts.map((draft) => ({ threshold: 1, minutes: 1, periods, ...draft }));
}

/**
 * If every invocation runs to its timeout, a shard publishes once per timeout. This window then holds at least
 * five datapoints, also with the pauses between retries.
 */
function invocationMinutes({ function: { timeoutSeconds } }: ReplicationConfig): number {
  return Math.max(5, Math.ceil((5 * (timeoutSeconds + 60)) / 60));
}

/** Changes of a Kinesis stream are ordered by their time alone. */
function kinesisAlarms({ source: { kinesisStreamArn } }: ReplicationConfig): AlarmDraft[] {
  if (kinesisStreamArn === undefined) return [];
  return [
    {
      anchor: 'tied-records',
      firstStep:
        'Run ferry verify, then ferry repair. If it happens again, check with ferry adopt that DynamoDB sends its changes with microseconds.',
      meaning:
        'Two changes of one item have the same time. Ferry kept the first one, and does not know which is later.',
      metric: own('TiedRecords'),
    },
  ];
}

/** Of an application that writes where it must not, in each direction. */
function strayAlarms({ switching, twoWay, source }: ReplicationConfig): AlarmDraft[] {
  const place = `${source.table} in ${source.region}`;
  const lost = 'Ferry does not replicate these writes.';
  const metric = own('StrayWrites');
  if (switching !== undefined)
    return [
      {
        anchor: 'stray-writes',
        firstStep: `Find out which application writes to ${place}, and stop it. Then run ferry verify.`,
        meaning: `An application writes to ${place} while the table is the twin. ${lost}`,
        metric,
      },
    ];
  if (twoWay === undefined) return [];
  const isHome = twoWay.mode === 'home';
  return [
    {
      anchor: 'stray-writes',
      firstStep: isHome
        ? `Find out which application writes to ${place}, and let it write each item in its home Region. Then run ferry verify.`
        : `Find out which application writes to ${place} without the plug-in ferry/stamp, or with another epoch. Then run ferry verify.`,
      meaning: isHome
        ? `An application has written items to ${place} whose home is the other Region. ${lost}`
        : `An application has written to ${place} without a stamp. ${lost}`,
      metric,
      runbook: 'both-directions',
    },
  ];
}

/** In each direction. */
function switchingAlarms({ switching, source, destination }: ReplicationConfig): AlarmDraft[] {
  if (switching === undefined) return [];
  return [
    {
      anchor: 'control-unreadable',
      firstStep: `Check the health of ${source.region} and ${destination.region}. If one of them is lost, see The source is lost in docs/switching.md.`,
      meaning:
        'A copy of the control row cannot be read, so the function does not know which table is active. Records wait in the stream.',
      metric: own('ControlUnreadable'),
      // The event source mapping pauses longer and longer between its attempts.
      minutes: 5,
      periods: 8,
      runbook: 'control-row-unreadable',
    },
  ];
}

function failureAlarms(): AlarmDraft[] {
  return [
    {
      anchor: 'destination-denied',
      firstStep:
        'Compare the role of the function with the policies of the twin, its key and the organization. Do not redrive.',
      meaning:
        'The function has no permission to write to the destination. Records wait in the stream.',
      metric: own('DestinationDenied'),
      minutes: 2,
    },
    {
      anchor: 'destination-unreachable',
      firstStep:
        'Check that the table exists, and the health of the Region. If the table exists, wait. Do not disable the event source mapping.',
      meaning:
        'The destination does not respond, or its table does not exist. Records wait in the stream.',
      metric: own('DestinationUnreachable'),
      minutes: 3,
    },
    {
      anchor: 'destination-throttled',
      firstStep:
        'Stop backfills and repairs. Raise the write capacity of the twin and of its indexes.',
      meaning: 'The destination throttles writes. Records wait in the stream.',
      metric: own('DestinationThrottles'),
      minutes: 3,
    },
    {
      anchor: 'function-errors',
      firstStep:
        'Read the log of the replicate function. After a timeout, lower batchSize. If it is out of memory, raise memoryMiB.',
      meaning: 'The function crashes or times out. Its batches are delivered again.',
      metric: metric('function', 'Errors'),
      minutes: 3,
    },
    {
      anchor: 'function-throttled',
      firstStep:
        'Check how much concurrency the account has left in this Region, and which function uses it.',
      meaning: 'Lambda has no concurrency left for the function. Records wait in the stream.',
      metric: metric('function', 'Throttles'),
      minutes: 3,
    },
  ];
}
