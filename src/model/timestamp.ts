// The time that an attribute value holds, in whichever of the usual forms an application writes it.

import type { AttributeValue } from '@aws-sdk/client-dynamodb';

/** Epoch seconds are below this until the year 5138, and milliseconds are above it since 1973. */
const SECONDS_BELOW = 1e11;
const MS_BELOW = 1e14;
const MICROSECONDS_BELOW = 1e17;
/** Longer text is no time, and is not looked at. */
const TEXT_LENGTH_MAX = 40;
/** ISO 8601 with a time of day, extended or basic, with or without a UTC offset. */
const ISO_8601 =
  /^(\d{4})-?(\d\d)-?(\d\d)[T ](\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?(?:(Z)|([+-]\d\d)(?::?(\d\d))?)?$/i;

/**
 * Epoch milliseconds of a number or text: epoch seconds, milliseconds or microseconds, told apart by their
 * magnitude, or ISO 8601. Without a UTC offset, ISO 8601 is read as UTC: Lambda's clock is.
 * @returns undefined where the value is no time. Numbers of another meaning are times far from now.
 */
export function timestampMs(value: AttributeValue | undefined): number | undefined {
  if (value?.N !== undefined) return epochMs(Number(value.N));
  const text = value?.S;
  if (typeof text !== 'string' || text.length > TEXT_LENGTH_MAX) return undefined;
  return isoMs(text) ?? epochMs(Number(text));
}

function epochMs(epoch: number): number | undefined {
  if (!(epoch > 0)) return undefined;
  if (epoch < SECONDS_BELOW) return epoch * 1000;
  if (epoch < MS_BELOW) return epoch;
  return epoch < MICROSECONDS_BELOW ? epoch / 1000 : undefined;
}

function isoMs(text: string): number | undefined {
  const found = ISO_8601.exec(text);
  if (found === null) return undefined;
  const [, year, month, day, hour, minute, second = '00', fraction = '0', , hours, minutes] = found;
  const offset = hours === undefined ? 'Z' : `${hours}:${minutes ?? '00'}`;
  // Date takes the extended form, and checks the ranges.
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction}${offset}`);
  return Number.isNaN(ms) ? undefined : ms;
}
