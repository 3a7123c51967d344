// Options that are percentages.

import { wrongOption } from './arguments.ts';
import type { ParsedOptions } from './command.ts';

/** --sample 1% */
export function percentOption(name: string, options: ParsedOptions, least = 0): number | undefined {
  const text = options.text(name);
  if (text === undefined) return undefined;
  const percent = /^\d+(\.\d+)?%$/.test(text) ? Number(text.slice(0, -1)) : Number.NaN;
  if (percent >= least && percent <= 100) return percent;
  throw wrongOption(
    `--${name} must be from ${least}% to 100%, got "${text}".`,
    `For example --${name} 1%.`,
  );
}
