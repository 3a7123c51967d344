// Which item wins where versions do not tell, as the options of a merge say.

import type { MergeChoice } from '../merge/decision.ts';
import { wrongOption } from './arguments.ts';
import type { OptionSpec, ParsedOptions } from './command.ts';

export const choiceOptions: Readonly<Record<'newer-by' | 'prefer' | 'keep-strays', OptionSpec>> = {
  'newer-by': {
    value: 'ATTRIBUTE',
    help: 'where versions do not tell: the attribute with the time of the last change, a number or ISO 8601; the later one wins',
  },
  prefer: {
    value: 'SIDE',
    help: 'where nothing else tells: source or destination, whose item wins',
  },
  'keep-strays': {
    help: 'let items without a version win, instead of replacing them by those that have one',
  },
};

/** @throws UsageError for a side that is none. */
export function choiceOf(options: ParsedOptions): MergeChoice {
  const text = options.text('prefer');
  const prefer = text === undefined ? undefined : SIDES.get(text);
  if (text !== undefined && prefer === undefined)
    throw wrongOption(
      `--prefer must be source or destination, got "${text}".`,
      'Name the side whose items win, as the configuration names the sides.',
    );
  return { newerBy: options.text('newer-by'), prefer, keepStrays: options.has('keep-strays') };
}

const SIDES = new Map([
  ['source', 1],
  ['destination', 2],
] as const) as ReadonlyMap<string, 1 | 2>;

/** @throws UsageError where versions are not asked: `why` ends the sentence. */
export function refuseChoice(options: ParsedOptions, why: string, advice: string): void {
  const given = Object.keys(choiceOptions).find(
    (one) => options.has(one) || options.text(one) !== undefined,
  );
  if (given !== undefined) throw wrongOption(`--${given} is for "mode": "stamped". ${why}`, advice);
}
