// TransactWriteItems: each put and update of a stamped table has a stamp and the condition. The whole transaction is sent
// again where an item of it has a later version.

import type { Item } from '../model/attribute-value.ts';
import type { Version } from '../model/guard.ts';
import type { CommandResult } from './client-stack.ts';
import { type Refusal, refusalOf } from './refusal.ts';
import { StampError } from './stamp-error.ts';
import { type PutInput, stampedPut, stampedUpdate, type UpdateInput } from './stamped-input.ts';
import {
  answerWithout,
  isNamed,
  notComparable,
  type Passage,
  type Stamping,
  type Verdict,
  writeAbove,
} from './write-above.ts';

interface Action {
  readonly Put?: PutInput | undefined;
  readonly Update?: UpdateInput | undefined;
}

interface TransactionInput {
  readonly TransactItems?: readonly Action[] | undefined;
}

interface Cancelled extends Error {
  readonly CancellationReasons?: ReadonlyArray<{ Code?: string; Item?: Item | undefined }>;
}

/** One for each action; undefined where it needs none. */
type Stamps = ReadonlyArray<Version | undefined>;

export async function writeTransaction({ args, next, stamping }: Passage): Promise<CommandResult> {
  const { settings, clock, counts } = stamping;
  const input = args.input as TransactionInput;
  const { TransactItems: actions = [] } = input;
  const stamps: Stamps = actions.map(({ Put, Update }) =>
    settings.isStamped((Put ?? Update)?.TableName) ? clock.stamp(settings) : undefined,
  );
  const count = stamps.filter((stamp) => stamp !== undefined).length;
  if (count === 0) return next(args);
  const result = await writeAbove<Stamps>(counts, {
    stamps,
    count,
    send: (stamps) => {
      const TransactItems = stampedActions(actions, stamps, settings.reservedAttribute);
      return next({ ...args, input: { ...input, TransactItems } });
    },
    judge: (error, stamps, tries) => {
      if (tries > 1 && isNamed(error, 'IdempotentParameterMismatchException'))
        return { kind: 'failed', error: tokenUsed(error) };
      const verdict = verdictOf(error, stamps, stamping);
      hideItems(error, actions, stamps);
      return verdict;
    },
  });
  return 'stamps' in result ? answerWithout(result.error) : result;
}

function stampedActions(
  actions: readonly Action[],
  stamps: Stamps,
  reservedAttribute: string,
): readonly Action[] {
  return actions.map((action, index) => {
    const stamp = stamps[index];
    if (stamp === undefined) return action;
    const { Put, Update } = action;
    return {
      ...action,
      ...(Put !== undefined && { Put: stampedPut(Put, { stamp, reservedAttribute }) }),
      ...(Update !== undefined && { Update: stampedUpdate(Update, { stamp, reservedAttribute }) }),
    };
  });
}

/** One later version is reason enough to send all again: what else is wrong is then found alone. */
function verdictOf(error: unknown, stamps: Stamps, { settings, clock }: Stamping): Verdict<Stamps> {
  if (!isNamed(error, 'TransactionCanceledException')) return { kind: 'failed', error };
  const refusals = refusalsOf(error, stamps, settings.reservedAttribute);
  const has = (kind: Refusal['kind']) => refusals.some((refusal) => refusal.kind === kind);
  if (has('made')) return { kind: 'made' };
  if (has('not-comparable')) return { kind: 'failed', error: notComparable(settings, error) };
  if (!has('later')) return { kind: 'failed', error };
  const raised = stamps.map((stamp, index) => {
    const refusal = refusals[index];
    return refusal?.kind === 'later' ? clock.above(refusal.version, settings) : stamp;
  });
  return { kind: 'later', stamps: raised };
}

function refusalsOf(
  { CancellationReasons: reasons = [] }: Cancelled,
  stamps: Stamps,
  reservedAttribute: string,
): readonly Refusal[] {
  return stamps.map((stamp, index) => {
    const reason = reasons[index];
    return stamp !== undefined && reason?.Code === 'ConditionalCheckFailed'
      ? refusalOf(reason.Item, stamp, reservedAttribute)
      : { kind: 'caller' };
  });
}

/** The items that stood in the way are for callers that ask for them. */
function hideItems(error: unknown, actions: readonly Action[], stamps: Stamps): void {
  const { CancellationReasons: reasons = [] } = error as Cancelled;
  reasons.forEach((reason, index) => {
    const { Put, Update } = actions[index] ?? {};
    const isAsked = (Put ?? Update)?.ReturnValuesOnConditionCheckFailure === 'ALL_OLD';
    if (stamps[index] !== undefined && !isAsked) delete reason.Item;
  });
}

function tokenUsed(cause: unknown): StampError {
  return new StampError(
    'The transaction was refused, because an item had a later version, and its ClientRequestToken is used up',
    {
      code: 'stamp.token-used',
      hint: 'Nothing was written. Send it again with another token.',
      cause,
    },
  );
}
