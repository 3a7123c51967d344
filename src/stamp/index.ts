// For applications that write both tables of a pair: a plug-in of their DynamoDB client, which gives every put and every
// update a version. Imports no client: the application gives its own.

import { batchAnswer, putItemRequest } from './batch-request.ts';
import { addTo, type ClientStack, type CommandResult, type Middleware } from './client-stack.ts';
import { type FerryStampOptions, stampSettings } from './options.ts';
import { readOnly } from './refused-input.ts';
import { noteStamped, refuseStack } from './stamped-stack.ts';
import { stampClock } from './stamp-clock.ts';
import type { Passage, StampCounts, Stamping } from './write-above.ts';
import { writeBatch } from './write-batch.ts';
import { writeItem } from './write-item.ts';
import { writeTransaction } from './write-transaction.ts';

export type { FerryStampOptions };
export { StampError } from './stamp-error.ts';
export { assertStamped } from './stamped-stack.ts';
export type { ClientStack };
export type StampStats = Readonly<StampCounts>;

/** For `client.middlewareStack.use`, of a client of @aws-sdk/client-dynamodb or @aws-sdk/lib-dynamodb. */
export interface FerryStamp {
  applyToStack(stack: ClientStack): void;
  /** What it has done so far, in all clients that use it. */
  stats(): StampStats;
}

/** One for all clients of the process, so that each of its writes is above the last. */
const PROCESS_CLOCK = stampClock({ now: Date.now, random: Math.random });

/** @throws StampError where an option is wrong; and, when a client uses it, where the client cannot be stamped. */
export function ferryStamp(options: FerryStampOptions): FerryStamp {
  const settings = stampSettings(options);
  const { now = Date.now, random = Math.random } = options;
  const isOwnClock = options.now !== undefined || options.random !== undefined;
  const clock = isOwnClock ? stampClock({ now, random }) : PROCESS_CLOCK;
  const counts = { stamped: 0, sentAgain: 0, foundMade: 0 };
  const stamping: Stamping = { settings, clock, counts };
  return {
    applyToStack(stack) {
      refuseStack(stack, settings.tables);
      const name = noteStamped(settings.tables);
      // Before the step in which the SDK repeats a request: a repetition has the same stamp.
      addTo(stack, stampingOf(stamping), { name, step: 'initialize', priority: 'low' });
      const build = { step: 'build', priority: 'high' } as const;
      addTo(stack, putItemRequest(settings), { name: `${name} (batch)`, ...build });
      const answer = { step: 'deserialize', priority: 'low' } as const;
      addTo(stack, batchAnswer(settings), { name: `${name} (answer)`, ...answer });
    },
    stats: () => ({ ...counts }),
  };
}

/** Reads and deletes pass without a further step. */
function stampingOf(stamping: Stamping): Middleware {
  return (next, { commandName = '' }) => {
    const write = WRITES[commandName];
    return write === undefined ? next : (args) => write({ args, next, stamping });
  };
}

const WRITES: Readonly<Record<string, (passage: Passage) => Promise<CommandResult>>> = {
  PutItemCommand: (passage) => writeItem('PutItemCommand', passage),
  UpdateItemCommand: (passage) => writeItem('UpdateItemCommand', passage),
  TransactWriteItemsCommand: writeTransaction,
  BatchWriteItemCommand: writeBatch,
  ExecuteStatementCommand: (passage) => readOnly('Statement', passage),
  BatchExecuteStatementCommand: (passage) => readOnly('Statements', passage),
  ExecuteTransactionCommand: (passage) => readOnly('TransactStatements', passage),
};
