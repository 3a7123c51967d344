// What an operator asks of a switch, from the options of its commands.

import { readFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import type { ReplicationConfig } from '../config/schema.ts';
import type { SwitchRequest } from '../switching/step.ts';
import { wrongOption } from './arguments.ts';
import { numberOption, type OptionSpec, type ParsedOptions } from './command.ts';

/** Of commands that fence a table. */
export const FENCING_OPTIONS = {
  'accept-letters': {
    value: 'FILE',
    help: 'go on without these dead letters: a file with their sequence numbers, one a line',
  },
  'fenced-by-application': {
    help: 'promise that no application writes any more, and leave the resource policy alone',
  },
  quiet: numberOption(
    'SECONDS',
    [1, 3_600],
    'with the fence of the application: how long no change may come before it is believed (default 10)',
  ),
  timeout: numberOption(
    'SECONDS',
    [60, 86_400],
    'cancel the switch if writes have been refused for longer (default no limit)',
  ),
  proof: { value: 'full', help: 'compare both tables behind the fence, too' },
  cancel: { help: 'end a switch that has not opened the other Region, and remove its fence' },
} satisfies Record<string, OptionSpec>;

export const LOST_OPTIONS = {
  'source-lost': {
    help: 'the Region that is active now is lost: activate the other one without a proof',
  },
  'even-if-reachable': { help: 'with --source-lost: although its DynamoDB answers' },
  'even-if-half-open': {
    help: 'with --source-lost: although a switch to the lost Region may have opened it',
  },
} satisfies Record<string, OptionSpec>;

/** Options that say how a table is drained; there is nothing to drain with any of the second list. */
const DRAINING = ['accept-letters', 'quiet', 'timeout', 'proof'] as const;
const NOT_DRAINING = ['cancel', 'source-lost'] as const;
const LOST_ONLY = ['even-if-reachable', 'even-if-half-open'] as const;

/** @throws UsageError `usage.options`, before anything is opened. */
export function switchRequest(
  options: ParsedOptions,
  { kind, switching }: { readonly kind: 'drain' | 'switch' } & Pick<ReplicationConfig, 'switching'>,
): SwitchRequest {
  const isGiven = (name: string) => options.has(name) || options.text(name) !== undefined;
  for (const one of NOT_DRAINING.filter(isGiven))
    for (const other of [...DRAINING, ...NOT_DRAINING].filter(isGiven))
      if (other !== one) throw wrongOption(`--${one} and --${other} contradict each other.`, ONE);
  for (const one of LOST_ONLY.filter(isGiven))
    if (!isGiven('source-lost'))
      throw wrongOption(`--${one} is for --source-lost.`, 'Use both, or neither.');
  const proof = options.text('proof');
  if (proof !== undefined && proof !== 'full')
    throw wrongOption(`--proof must be "full", got "${proof}".`, 'Leave it out for a tail audit.');
  const isPromised = isGiven('fenced-by-application') || switching?.fence === 'application';
  if (isGiven('quiet') && !isPromised)
    throw wrongOption('--quiet is for --fenced-by-application.', 'Use both, or neither.');
  const file = options.text('accept-letters');
  const seconds = (name: string) => {
    const given = options.integer(name);
    return given === undefined ? undefined : given * 1_000;
  };
  return {
    kind: isGiven('cancel') ? 'cancel' : isGiven('source-lost') ? 'lost' : kind,
    apply: options.has('apply'),
    by: operatorName(),
    accepted: file === undefined ? [] : acceptedLetters(file),
    proof: proof === undefined ? 'tail' : 'full',
    quietMs: seconds('quiet'),
    timeoutMs: seconds('timeout'),
    evenIfReachable: options.has('even-if-reachable'),
    evenIfHalfOpen: options.has('even-if-half-open'),
  };
}

/** As it was given, to be typed again. */
export function lostOptions({ evenIfReachable, evenIfHalfOpen }: SwitchRequest): string {
  const reachable = evenIfReachable === true ? ' --even-if-reachable' : '';
  return `--source-lost${reachable}${evenIfHalfOpen === true ? ' --even-if-half-open' : ''}`;
}

const ONE = 'Use one of them.';

/** Who asks, for those who find the switch. */
export function operatorName(): string {
  return `${userInfo().username}@${hostname()}`;
}

/** Of `--accept-letters`. */
export function acceptedLetters(path: string): string[] {
  const lines = textOf(path)
    .split(/\r?\n/)
    .map((line) => line.trim());
  const numbers = lines.filter((line) => line !== '');
  const strange = numbers.find((line) => !/^\d{1,40}$/.test(line));
  if (strange === undefined && numbers.length > 0) return numbers;
  const what = strange === undefined ? 'it is empty' : `"${strange.slice(0, 60)}" is not one`;
  throw wrongOption(
    `--accept-letters must name a file with sequence numbers, one a line: ${what}.`,
    'Without --apply, the command lists the open dead letters with their sequence numbers.',
  );
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw wrongOption(
      `--accept-letters must name a file: ${(cause as Error).message}.`,
      'Write the sequence numbers of the letters into it, one a line.',
      cause,
    );
  }
}
