// BatchWriteItem: the puts into stamped tables become conditional puts, a few at a time. The rest stays one batch, and
// the answer is that of one batch.

import { mapInParallel } from '../pacing/in-parallel.ts';
import { type BatchInput, onePut, type PutRequest, type Requests } from './batch-request.ts';
import { addFigures, type BatchFigures, isThrottled } from './batch-figures.ts';
import type { CommandResult } from './client-stack.ts';
import { StampError } from './stamp-error.ts';
import type { Passage } from './write-above.ts';
import { writeOne } from './write-item.ts';

/** Of a client with the 50 sockets of the SDK, one batch takes a few only. */
const PUTS_AT_ONCE = 10;
/** Of the service. */
const REQUESTS_MAX = 25;

interface Put {
  readonly table: string;
  readonly request: PutRequest;
}

export async function writeBatch(passage: Passage): Promise<CommandResult> {
  const { args, next, stamping } = passage;
  const { RequestItems: requests = {} } = args.input as BatchInput;
  const { puts, rest } = split(requests, stamping.settings.isStamped);
  if (puts.length === 0) return next(args);
  refuseInvalid(requests);
  const isRest = Object.keys(rest).length > 0;
  const first = isRest
    ? await next({ ...args, input: { ...args.input, RequestItems: rest } })
    : undefined;
  const results = await mapInParallel(puts, PUTS_AT_ONCE, (put) => writePut(put, passage));
  const failures = results.filter((result) => result.error !== undefined);
  if (first === undefined && failures.length === puts.length) throw failures[0]?.error;
  return answerOf(first, results);
}

function split(requests: Requests, isStamped: (table: string) => boolean) {
  const puts: Put[] = [];
  const rest: Record<string, readonly PutRequest[]> = {};
  for (const [table, all] of Object.entries(requests)) {
    const isPut = ({ PutRequest }: PutRequest) => PutRequest !== undefined && isStamped(table);
    puts.push(...all.filter(isPut).map((request) => ({ table, request })));
    const others = all.filter((request) => !isPut(request));
    if (others.length > 0) rest[table] = others;
  }
  return { puts, rest };
}

interface PutResult extends Put {
  readonly figures?: BatchFigures | undefined;
  /** It is unprocessed. */
  readonly error?: unknown;
}

async function writePut(put: Put, { args, next, stamping }: Passage): Promise<PutResult> {
  try {
    const result = await writeOne(stamping, {
      send: (stamp) => next(onePut(args, put, { stamp, owner: stamping.settings })),
      isAsked: false,
    });
    return { ...put, figures: 'stamps' in result ? undefined : result.output };
  } catch (error) {
    const isContended = error instanceof StampError && error.code === 'stamp.contended';
    if (isContended || isThrottled(error)) return { ...put, error };
    throw error;
  }
}

function answerOf(first: CommandResult | undefined, results: readonly PutResult[]): CommandResult {
  const output: BatchFigures = { UnprocessedItems: {}, ...first?.output };
  const unprocessed: Record<string, readonly unknown[]> = { ...output.UnprocessedItems };
  for (const { table, request, error } of results)
    if (error !== undefined) unprocessed[table] = [...(unprocessed[table] ?? []), request];
  const figures = results.flatMap((result) => result.figures ?? []);
  return {
    ...first,
    output: { ...addFigures([output, ...figures]), UnprocessedItems: unprocessed },
  };
}

/** What the service refuses, and what would pass as single puts. */
function refuseInvalid(requests: Requests): void {
  const all = Object.values(requests).flat();
  if (all.length > REQUESTS_MAX)
    throw validation('Too many items requested for the BatchWriteItem call');
  if (Object.values(requests).some(hasTwice))
    throw validation('Provided list of item keys contains duplicates');
}

/** An item that is put and deleted: the key of a delete names the key attributes. */
function hasTwice(requests: readonly PutRequest[]): boolean {
  const [names] = requests.flatMap(({ DeleteRequest: { Key } = {} }) =>
    Key === undefined ? [] : [Object.keys(Key).toSorted()],
  );
  if (names === undefined) return false;
  const keys = requests.map(({ PutRequest, DeleteRequest }) => {
    const values = PutRequest?.Item ?? DeleteRequest?.Key ?? {};
    return JSON.stringify(names.map((name) => values[name]));
  });
  return new Set(keys).size < keys.length;
}

/** As the SDK throws it. */
function validation(message: string): Error {
  return Object.assign(new Error(message), {
    name: 'ValidationException',
    $fault: 'client',
    $metadata: { httpStatusCode: 400, attempts: 0 },
  });
}
