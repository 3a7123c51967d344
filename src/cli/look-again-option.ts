// --look-again-queue-url: where deletes are announced, if the deployed function is not to be asked.

import { wrongOption } from './arguments.ts';
import type { OptionSpec, ParsedOptions } from './command.ts';

const NAME = 'look-again-queue-url';

export const lookAgainOption: Readonly<Record<typeof NAME, OptionSpec>> = {
  [NAME]: { value: 'URL', help: 'URL of the look-again queue (default: of the deployed function)' },
};

/** @throws UsageError where it is not a URL. */
export function lookAgainUrl(options: ParsedOptions): string | undefined {
  return urlOf(NAME, options);
}

/** @throws UsageError where it is not the URL of a queue. */
export function urlOf(name: string, options: ParsedOptions): string | undefined {
  const text = options.text(name);
  if (text === undefined || (URL.canParse(text) && /^https?:\/\/[^/ ]+\//.test(text))) return text;
  throw wrongOption(
    `--${name} must be a URL, got "${text}".`,
    'For example https://sqs.us-east-1.amazonaws.com/111122223333/ferry-orders-dead-letters.',
  );
}
