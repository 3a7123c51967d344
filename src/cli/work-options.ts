// The options that several commands have, each with one range and one default for all of them.

import { wrongOption } from './arguments.ts';
import { numberOption, type OptionSpec, type ParsedOptions } from './command.ts';

export const bulkOption: OptionSpec = {
  help: 'run it on the deployed state machine (needs "bulk": true in the configuration)',
};

export function workersOption(help: string): OptionSpec {
  return numberOption('N', [1, 1_000], help, 4);
}

export function workersOf(options: ParsedOptions): number {
  return options.integer('workers') ?? 1;
}

/** Of read or write capacity. */
export function unitsOption(help: string): OptionSpec {
  return numberOption('PER_SECOND', [1, 10_000_000], help);
}

export function settleOption(help: string): OptionSpec {
  return numberOption('SECONDS', [0, 3_600], `${help}; use more than the replication latency`, 10);
}

export function settleMsOf(options: ParsedOptions): number {
  return 1000 * (options.integer('settle') ?? 0);
}

/** Where deletes are announced, if the deployed function is not to be asked. */
export const lookAgainOption = {
  'look-again-queue-url': {
    value: 'URL',
    help: 'URL of the look-again queue (default: of the deployed function)',
  },
} satisfies Readonly<Record<string, OptionSpec>>;

/** Where dead letters and given-up batches are. */
export function lettersOptions(letters: string) {
  return {
    letters: { value: 'FOLDER', help: letters },
    'queue-url': {
      value: 'URL',
      help: 'URL of the dead-letter queue (default: of the deployed function)',
    },
    bucket: { value: 'NAME', help: 'the on-failure bucket (default: of the deployed function)' },
  } satisfies Readonly<Record<string, OptionSpec>>;
}

/** The folder. @throws UsageError where a queue or a bucket is named, too. */
export function lettersIn(options: ParsedOptions): string | undefined {
  const folder = options.text('letters');
  const other = ['queue-url', 'bucket'].find((name) => options.text(name) !== undefined);
  if (folder === undefined || other === undefined) return folder;
  throw wrongOption(
    `--letters and --${other} contradict each other.`,
    'Use a folder, or a queue and a bucket.',
  );
}

/** @throws UsageError where it is not the URL of a queue. */
export function queueUrlOf(
  name: keyof typeof lookAgainOption | 'queue-url',
  options: ParsedOptions,
): string | undefined {
  const text = options.text(name);
  if (text === undefined || (URL.canParse(text) && /^https?:\/\/[^/ ]+\//.test(text))) return text;
  throw wrongOption(
    `--${name} must be a URL, got "${text}".`,
    'For example https://sqs.us-east-1.amazonaws.com/111122223333/ferry-orders-dead-letters.',
  );
}
