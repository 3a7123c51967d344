// The queues of one local SQS, by name and by URL.

import { invalidParameter, SqsError } from './error.ts';
import { SqsQueue } from './queue.ts';
import { DEFAULT_SETTINGS, type QueueSettings } from './queue-settings.ts';

/** Owner of every local queue. */
const ACCOUNT = '000000000000';

export class SqsQueues {
  readonly now: () => number;
  readonly #queues = new Map<string, SqsQueue>();

  constructor(now: () => number) {
    this.now = now;
  }

  /** Creates a queue. One of that name may exist already, unless its settings differ. */
  create(name: string, settings: Partial<QueueSettings>): void {
    if (!/^[\w-]{1,80}$/.test(name)) {
      throw invalidParameter(
        'Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length',
      );
    }
    const existing = this.#queues.get(name);
    if (existing === undefined) {
      const complete = { ...DEFAULT_SETTINGS, ...settings };
      this.#queues.set(name, new SqsQueue({ settings: complete, now: this.now }));
    } else {
      checkSameSettings(existing.settings, settings);
    }
  }

  /** @throws SqsError `QueueDoesNotExist`. */
  get(name: string): SqsQueue {
    const queue = this.#queues.get(name);
    if (queue !== undefined) return queue;
    throw new SqsError('QueueDoesNotExist', 'The specified queue does not exist.');
  }

  delete(name: string): void {
    this.get(name);
    this.#queues.delete(name);
  }
}

/** URL of a queue, whether it exists or not. */
export function queueUrl(endpoint: string, name: string): string {
  return `${endpoint}/${ACCOUNT}/${name}`;
}

export function queueArn(name: string, region: string): string {
  return `arn:aws:sqs:${region}:${ACCOUNT}:${name}`;
}

/** The name in a queue URL, empty where it has none. The host does not matter, so that a tunnel works, too. */
export function queueName(url: string): string {
  return new RegExp(`^https?://[^/]+/${ACCOUNT}/([\\w-]+)$`).exec(url)?.[1] ?? '';
}

function checkSameSettings(existing: QueueSettings, wanted: Partial<QueueSettings>): void {
  const names = Object.keys(wanted) as (keyof QueueSettings)[];
  const different = names.find((name) => wanted[name] !== existing[name]);
  if (different === undefined) return;
  throw new SqsError(
    'QueueNameExists',
    `A queue already exists with the same name and a different value for attribute ${different}`,
  );
}
