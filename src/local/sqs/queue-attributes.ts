// The attributes of a queue: which can be set, in which ranges, and which are shown.

import { SqsError } from './error.ts';
import type { SqsQueue } from './queue.ts';

/** The settings of a queue; times in seconds, sizes in bytes. */
export interface QueueSettings {
  readonly DelaySeconds: number;
  readonly MaximumMessageSize: number;
  readonly MessageRetentionPeriod: number;
  readonly ReceiveMessageWaitTimeSeconds: number;
  readonly VisibilityTimeout: number;
}

/** Allowed range of each setting, for queues and for the parameters of the same name. */
export const RANGES = {
  DelaySeconds: [0, 900],
  MaximumMessageSize: [1_024, 1_048_576],
  MessageRetentionPeriod: [60, 1_209_600],
  ReceiveMessageWaitTimeSeconds: [0, 20],
  VisibilityTimeout: [0, 43_200],
} as const satisfies Record<keyof QueueSettings, readonly [number, number]>;

export const DEFAULT_SETTINGS: QueueSettings = {
  DelaySeconds: 0,
  MaximumMessageSize: 1_048_576,
  MessageRetentionPeriod: 345_600,
  ReceiveMessageWaitTimeSeconds: 0,
  VisibilityTimeout: 30,
};

/**
 * Reads the attributes of a request.
 * @throws SqsError for a value out of range, and for attributes that the local queue does not have:
 * better refused than accepted and ignored.
 */
export function parseSettings(attributes: ReadonlyMap<string, string>): Partial<QueueSettings> {
  return Object.fromEntries(
    [...attributes].map(([name, text]) => {
      if (!isSetting(name)) throw unknownAttribute(name);
      return [name, parseValue(name, text)];
    }),
  );
}

/**
 * The attributes that are asked for, as texts; nothing when none is.
 * @throws SqsError for a name that the local queue does not know.
 */
export function shownAttributes(
  { queue, arn }: { readonly queue: SqsQueue; readonly arn: string },
  wanted: readonly string[],
): Readonly<Record<string, string>> | undefined {
  const { visible, notVisible, delayed } = queue.counts();
  const known: Readonly<Record<string, string | number>> = {
    ...queue.settings,
    ApproximateNumberOfMessages: visible,
    ApproximateNumberOfMessagesNotVisible: notVisible,
    ApproximateNumberOfMessagesDelayed: delayed,
    CreatedTimestamp: Math.floor(queue.createdAtMs / 1_000),
    LastModifiedTimestamp: Math.floor(queue.modifiedAtMs / 1_000),
    QueueArn: arn,
  };
  const unknown = wanted.find((name) => name !== 'All' && !Object.hasOwn(known, name));
  if (unknown !== undefined) throw unknownAttribute(unknown);
  const shown = Object.entries(known).filter(
    ([name]) => wanted.includes('All') || wanted.includes(name),
  );
  if (shown.length === 0) return undefined;
  return Object.fromEntries(shown.map(([name, value]) => [name, String(value)]));
}

function parseValue(name: keyof QueueSettings, text: string): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  const [min, max] = RANGES[name];
  if (value >= min && value <= max) return value;
  throw new SqsError(
    'InvalidAttributeValue',
    `Invalid value for the parameter ${name}. It must be between ${min} and ${max}.`,
  );
}

function isSetting(name: string): name is keyof QueueSettings {
  return Object.hasOwn(RANGES, name);
}

function unknownAttribute(name: string): SqsError {
  return new SqsError('InvalidAttributeName', `Unknown Attribute ${name}.`);
}
