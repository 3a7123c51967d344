// What stays of a replication when its stacks are deleted, and what a teardown may delete of it.

import {
  deadLetterQueueName,
  destinationStack,
  historyGroup,
  isBackName,
  lookAgainName,
  sourceStack,
  STACK_PART_MIN,
} from '../config/names.ts';
import { placeOf } from '../config/tables.ts';

export { bucketPrefix, destinationStack, sourceStack } from '../config/names.ts';

interface ScopeTable {
  readonly account?: string | undefined;
  readonly region: string;
  readonly table: string;
  readonly create: boolean;
}

export interface TeardownScope {
  readonly name: string;
  readonly source: ScopeTable;
  readonly destination: ScopeTable;
  readonly stateTable: string;
  /** On-failure buckets: those that are of this replication, and those whose names are too short to tell. */
  readonly buckets: readonly BucketGuess[];
}

export interface BucketGuess {
  readonly name: string;
  readonly isCertain: boolean;
}

export interface Leftover {
  readonly kind: 'queue' | 'bucket' | 'table' | 'log group';
  /** For people: "dead-letter queue". */
  readonly what: string;
  readonly name: string;
  readonly side: 'source' | 'destination';
  readonly account?: string | undefined;
  readonly region: string;
  /** Of the CDK app: where it can be imported. */
  readonly stack: string;
  /** Whether it is certainly of this replication: if not, it has to be named. @default true */
  readonly isCertain?: boolean;
}

/** What CloudFormation asks for when it imports one. */
export const IMPORT_IDENTIFIERS: Readonly<Record<Leftover['kind'], string>> = {
  queue: 'QueueUrl',
  bucket: 'BucketName',
  table: 'TableName',
  'log group': 'LogGroupName',
};

/** Everything that the app creates and keeps for a direction, in the order in which it is looked at. */
export function leftoversOf({
  name,
  source,
  destination,
  stateTable,
  buckets,
}: TeardownScope): Leftover[] {
  const at = ({ account, region }: ScopeTable) => ({ account, region });
  const inSource = { side: 'source', ...at(source), stack: sourceStack(name) } as const;
  const inDestination = {
    side: 'destination',
    ...at(destination),
    stack: destinationStack(name),
  } as const;
  const queue = { kind: 'queue', ...inSource } as const;
  const bucket = { kind: 'bucket', ...inSource } as const;
  const twin = { kind: 'table', what: 'twin', name: destination.table, ...inDestination } as const;
  const table = { kind: 'table', what: 'source table', name: source.table, ...inSource } as const;
  return [
    { ...queue, what: 'dead-letter queue', name: deadLetterQueueName(name) },
    { ...queue, what: 'look-again queue', name: lookAgainName(name) },
    ...buckets.map((guess) => ({ ...bucket, what: 'on-failure bucket', ...guess })),
    { kind: 'table', what: 'state table', name: stateTable, ...inDestination },
    // Both directions have the same two, which the stacks of the configured one create.
    ...(destination.create && !isBackName(name) ? [twin] : []),
    ...(source.create && !isBackName(name) ? [table] : []),
    { kind: 'log group', what: 'log group', name: historyGroup(name), ...inSource },
  ];
}

const BUCKET_PART = '-replicatoronfailure';

/** @returns undefined where the bucket is of something else. */
export function guessBucket(replication: string, name: string): BucketGuess | undefined {
  const [stackPart, rest] = name.split(BUCKET_PART, 2);
  if (rest === undefined || stackPart === undefined) return undefined;
  const stack = sourceStack(replication).toLowerCase();
  if (stackPart === stack) return { name, isCertain: true };
  const isShortened = stackPart.length >= STACK_PART_MIN && stack.startsWith(stackPart);
  return isShortened ? { name, isCertain: false } : undefined;
}

type Place = Pick<Leftover, 'account' | 'region' | 'name'>;

/** How an operator names one: source and twin often have the same name, and two accounts may have the same Region. */
export function fullName({ name, ...place }: Place): string {
  return placeOf({ ...place, table: name });
}

export type Decision = 'delete' | 'keep';

/**
 * Only what is empty, or what an operator has named.
 * @param holds what is in it; undefined where it is empty.
 * @param named by their full names.
 */
export function decide(
  leftover: Place & Pick<Leftover, 'isCertain'>,
  holds: string | undefined,
  named: ReadonlySet<string>,
): Decision {
  const { isCertain = true } = leftover;
  return (holds === undefined && isCertain) || named.has(fullName(leftover)) ? 'delete' : 'keep';
}
