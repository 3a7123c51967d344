// How much of a table a sample reads.

import { wrongOption } from './arguments.ts';
import type { ParsedOptions } from './command.ts';

/** --sample 1% */
export function percentOf(options: ParsedOptions): number {
  const text = options.text('sample');
  if (text === undefined) return 100;
  const percent = /^\d+(\.\d+)?%$/.test(text) ? Number(text.slice(0, -1)) : Number.NaN;
  if (percent >= 0.1 && percent <= 100) return percent;
  throw wrongOption(
    `--sample must be from 0.1% to 100%, got "${text}".`,
    'For example --sample 1%.',
  );
}
