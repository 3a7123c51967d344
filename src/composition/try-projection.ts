// Applies the projection of a replication to items, three times each: twice in a row, and in the reverse order with a
// second instance of its module. A module runs in a thread, which is ended if it does not return.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Access } from '../aws/access.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { describeError, FerryError, type FerryErrorDetails, UsageError } from '../errors.ts';
import { itemJson } from '../model/attribute-value.ts';
import { packageFile } from '../package-files.ts';
import { type KeyedItem, type Outcome, outcomeOf, type Tried } from '../projection/sample-test.ts';
import { operatorProjection } from './open-projection.ts';

export interface ProjectionTrial {
  readonly replication: ReplicationConfig;
  readonly source: Access;
  /** For a module to return. */
  readonly secondsPerItem: number;
  readonly stop: AbortSignal;
  /** Called after every call. */
  readonly onCall: () => void;
}

/** A projection that is open. */
interface Instance {
  readonly digest: string;
  run(item: KeyedItem): Promise<Outcome>;
  close(): Promise<void>;
}

/** @throws FerryError `projection.module` or `projection.secret` where it cannot be opened, and as `tryProjection`. */
export async function requireProjection(trial: ProjectionTrial): Promise<void> {
  await withInstance(trial, async () => undefined);
}

/**
 * @throws FerryError `projection.endless` where the module does not return, `projection.ended` where it ends its thread;
 *   or the reason of `stop`.
 */
export async function tryProjection(
  items: readonly KeyedItem[],
  trial: ProjectionTrial,
): Promise<{ digest: string; tried: Tried[] }> {
  const calls = items.flatMap((item) => [item, item]);
  const [digest, twice] = await withInstance(trial, async (instance) => [
    instance.digest,
    await runAll(calls, instance, trial),
  ]);
  const reverse = await withInstance(trial, (instance) =>
    runAll(items.toReversed(), instance, trial),
  );
  const tried = items.map((item, index) => {
    const [first, again] = twice.slice(2 * index);
    const outcomes = [first, again, reverse.at(-1 - index)] as const;
    return { ...item, outcomes: outcomes as readonly [Outcome, Outcome, Outcome] };
  });
  return { digest, tried };
}

async function withInstance<Result>(
  trial: ProjectionTrial,
  use: (instance: Instance) => Promise<Result>,
): Promise<Result> {
  const isModule = trial.replication.projection?.module !== undefined;
  const instance = await (isModule ? openThread(trial) : openHere(trial));
  try {
    return await use(instance);
  } finally {
    await instance.close();
  }
}

async function runAll(
  items: readonly KeyedItem[],
  instance: Instance,
  { stop, onCall }: ProjectionTrial,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const item of items) {
    stop.throwIfAborted();
    outcomes.push(await instance.run(item));
    onCall();
  }
  return outcomes;
}

/** Rules always return. */
async function openHere({ replication, source }: ProjectionTrial): Promise<Instance> {
  const projection = await operatorProjection(replication, source);
  const { reservedAttribute } = replication;
  return {
    digest: projection?.digest ?? '',
    run: async (item) => outcomeOf(item, { reservedAttribute, projection }),
    close: async () => undefined,
  };
}

/** What the thread is asked. It answers anything, then with `Opened`, and then with an `Outcome`. */
export type Asked = 'begin' | 'open' | KeyedItem;

export type Opened =
  | { readonly digest: string }
  | { readonly refused: Required<Pick<FerryErrorDetails, 'code' | 'hint'>> & { message: string } };

/** It imports the module anew. */
async function openThread(trial: ProjectionTrial): Promise<Instance> {
  const thread = startThread(trial);
  try {
    await thread.ask('begin', '');
    const opened = (await thread.ask('open', 'while it was loaded')) as Opened;
    if ('refused' in opened) throw new UsageError(opened.refused.message, opened.refused);
    return {
      digest: opened.digest,
      run: async (item) =>
        (await thread.ask(item, `for the item ${itemJson(item.key)}`)) as Outcome,
      close: () => thread.close(),
    };
  } catch (error) {
    await thread.close();
    throw error;
  }
}

function startThread({ replication, secondsPerItem, stop }: ProjectionTrial) {
  // It sees no credentials, and its output is not the command's.
  const worker = new Worker(packageFile('dist/src/composition/projection-worker.js'), {
    workerData: replication,
    env: {},
    stdout: true,
    stderr: true,
  });
  let fail: (reason: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  // It may fail while nothing is asked.
  failed.catch(() => undefined);
  const onStop = () => fail(stop.reason);
  stop.addEventListener('abort', onStop);
  worker.on('error', (error) => fail(ended(`failed with ${describeError(error)}`)));
  worker.on('exit', () => fail(ended('has ended its thread')));
  return {
    async ask(asked: Asked, when: string): Promise<unknown> {
      const onLate = () => fail(endless(when, secondsPerItem));
      // Node and Ferry may take longer to begin.
      const timer = asked === 'begin' ? undefined : setTimeout(onLate, 1000 * secondsPerItem);
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      worker.postMessage(asked);
      try {
        const [message] = (await Promise.race([once(worker, 'message'), failed])) as [unknown];
        return message;
      } finally {
        clearTimeout(timer);
      }
    },
    async close() {
      stop.removeEventListener('abort', onStop);
      await worker.terminate();
    },
  };
}

function endless(when: string, seconds: number): FerryError {
  return new FerryError(`The module has not returned within ${seconds} s ${when}.`, {
    code: 'projection.endless',
    hint: 'A function that does not return ends at its timeout, and holds its shard until Lambda gives the batch up. Correct the module, or wait longer with --seconds-per-item.',
  });
}

function ended(what: string): FerryError {
  return new FerryError(`The module of the projection ${what}.`, {
    code: 'projection.ended',
    hint: 'The module must only compute its result from the item. Correct it.',
  });
}
