// An option that is a point in time: so long ago, or a date.

import { systemClock } from '../aws/system-clock.ts';
import { wrongOption } from './arguments.ts';
import type { ParsedOptions } from './command.ts';

const UNITS_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A duration before now, or a date -> epoch milliseconds. */
export function pointInTime(name: string, options: ParsedOptions): number | undefined {
  const text = options.text(name);
  if (text === undefined) return undefined;
  const match = /^(\d{1,6})([smhd])$/.exec(text);
  const unit = UNITS_MS[match?.[2] as keyof typeof UNITS_MS];
  const ms = match === null ? Date.parse(text) : systemClock.now() - Number(match[1]) * unit;
  if (!Number.isNaN(ms)) return ms;
  throw wrongOption(
    `--${name} must be a duration or a date, got "${text}".`,
    'For example 90m, 12h, 3d or 2026-01-31T12:00:00Z.',
  );
}
