// The settings of a queue: their ranges and defaults, and how a request spells them.

import { SqsError } from './error.ts';

/** Times in seconds, sizes in bytes. */
export interface QueueSettings {
  readonly MaximumMessageSize: number;
  readonly MessageRetentionPeriod: number;
  readonly VisibilityTimeout: number;
}

/** Both ends included. */
export const RANGES = {
  MaximumMessageSize: [1_024, 1_048_576],
  MessageRetentionPeriod: [60, 1_209_600],
  VisibilityTimeout: [0, 43_200],
} as const satisfies Record<keyof QueueSettings, readonly [number, number]>;

export const DEFAULT_SETTINGS: QueueSettings = {
  MaximumMessageSize: 1_048_576,
  MessageRetentionPeriod: 345_600,
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

export function unknownAttribute(name: string): SqsError {
  return new SqsError('InvalidAttributeName', `Unknown Attribute ${name}.`);
}
