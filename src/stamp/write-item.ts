// PutItem and UpdateItem, stamped. The answer is what the caller asked for, also where the first answer was lost and the
// SDK has repeated the request.

import type { Item } from '../model/attribute-value.ts';
import type { Version } from '../model/guard.ts';
import type { CommandResult } from './client-stack.ts';
import { refuseLegacy } from './refused-input.ts';
import { refusalOf } from './refusal.ts';
import { StampError } from './stamp-error.ts';
import {
  type PutInput,
  stampedPut,
  stampedUpdate,
  stampTest,
  type UpdateInput,
} from './stamped-input.ts';
import {
  answerWithout,
  isNamed,
  type Made,
  notComparable,
  type Passage,
  type Stamping,
  type Verdict,
  writeAbove,
} from './write-above.ts';

type ItemInput = (PutInput | UpdateInput) & { readonly ReturnValues?: string | undefined };

/** The SDK's error where a condition is false. */
interface ConditionFailure extends Error {
  Item?: Item | undefined;
}

export async function writeItem(
  commandName: 'PutItemCommand' | 'UpdateItemCommand',
  { args, next, stamping }: Passage,
): Promise<CommandResult> {
  const input = args.input as ItemInput;
  if (!stamping.settings.isStamped(input.TableName)) return next(args);
  refuseLegacy(commandName, input);
  const { reservedAttribute } = stamping.settings;
  const stamped = (stamp: Version) =>
    commandName === 'PutItemCommand'
      ? stampedPut(input, { stamp, reservedAttribute })
      : stampedUpdate(input, { stamp, reservedAttribute });
  const isAsked = input.ReturnValuesOnConditionCheckFailure === 'ALL_OLD';
  const result = await writeOne(stamping, {
    send: (stamp) => next({ ...args, input: stamped(stamp) }),
    isAsked,
  });
  return 'stamps' in result ? answerOf(result, { args, next, stamping }) : result;
}

interface OneWrite {
  /** With this stamp, and with the request for the item that stands in the way. */
  readonly send: (stamp: Version) => Promise<CommandResult>;
  /** The caller, too, has asked for that item. */
  readonly isAsked: boolean;
}

export function writeOne(stamping: Stamping, { send, isAsked }: OneWrite) {
  const { settings, clock, counts } = stamping;
  return writeAbove<Version>(counts, {
    stamps: clock.stamp(settings),
    count: 1,
    send,
    judge: (error, stamp) => {
      const verdict = verdictOf(error, stamp, stamping);
      if (!isAsked) hideItem(error);
      return verdict;
    },
  });
}

function verdictOf(
  error: unknown,
  stamp: Version,
  { settings, clock }: Stamping,
): Verdict<Version> {
  if (!isNamed(error, 'ConditionalCheckFailedException')) return { kind: 'failed', error };
  const { Item: item }: ConditionFailure = error;
  const refusal = refusalOf(item, stamp, settings.reservedAttribute);
  switch (refusal.kind) {
    case 'caller':
      return { kind: 'failed', error };
    case 'not-comparable':
      return { kind: 'failed', error: notComparable(settings, error) };
    case 'made':
      return { kind: 'made' };
    case 'later':
      return { kind: 'later', stamps: clock.above(refusal.version, settings) };
  }
}

function hideItem(error: unknown): void {
  if (isNamed(error, 'ConditionalCheckFailedException'))
    (error as ConditionFailure).Item = undefined;
}

/** What was there before is lost; what is there now can still be asked for. */
async function answerOf(
  { stamps: stamp, error }: Made<Version>,
  { args, next, stamping }: Passage,
): Promise<CommandResult> {
  const input = args.input as ItemInput;
  const { ReturnValues: wanted = 'NONE' } = input;
  if (wanted === 'NONE') return answerWithout(error);
  if (wanted !== 'ALL_NEW') throw answerLost(wanted, error);
  const { reservedAttribute } = stamping.settings;
  try {
    // Sets what is there already: the service returns the item, and the stream has no record of it.
    return await next({ ...args, input: stampTest(input, { stamp, reservedAttribute }) });
  } catch (cause) {
    throw answerLost(wanted, cause);
  }
}

function answerLost(wanted: string, cause: unknown): StampError {
  return new StampError(`The write was made, but its answer was lost, and its ${wanted} values`, {
    code: 'stamp.answer-lost',
    hint: 'Do not write again. Read the item.',
    cause,
  });
}
