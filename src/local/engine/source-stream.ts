// A table of the source Region -> its stream, which is known to be readable: without one, a run would wait without
// end.

import type { Clock, StreamReader } from '../../ports.ts';
import { endsWithin } from '../run/ends-within.ts';
import { streamAnewCommands, streamOnCommand } from '../../status/stream-commands.ts';
import type { TableFacts } from '../../model/table-facts.ts';
import { describeTable } from '../../aws/table-facts.ts';
import { accessTo, type Credentials, fixedCredentials } from '../../aws/access.ts';
import { describeError, FerryError } from '../../errors.ts';
import type { LocalRegion, StreamView } from './local-region.ts';
import type { KeySchema } from '../run/workload.ts';

const HINT =
  'Ferry replicates what is in a stream. Use an engine with DynamoDB Streams, such as DynamoDB Local or the embedded one.';
/** An engine may need a moment to make a stream. */
const ATTEMPTS_MAX = 5;
const PAUSE_MS = 500;
const ANSWER_MS_MAX = 10_000;

/**
 * The stream of a table that was made with one.
 * @throws FerryError `local.stream.missing`.
 */
export function streamOfNew(streamArn: string | undefined, { endpoint }: LocalRegion): string {
  if (streamArn !== undefined) return streamArn;
  throw new FerryError(
    `The engine at ${endpoint} made a table without the stream it was asked for.`,
    {
      code: 'local.stream.missing',
      hint: HINT,
    },
  );
}

/**
 * Waits until the shards of the stream can be listed.
 * @throws FerryError `local.stream.unreadable`.
 */
export async function requireReadable(
  reader: Pick<StreamReader, 'shards'>,
  { streamArn, endpoint }: { readonly streamArn: string; readonly endpoint: string },
  clock: Clock,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      if (await endsWithin(ANSWER_MS_MAX, reader.shards(), clock)) return;
      throw new Error(`no answer within ${ANSWER_MS_MAX / 1000} s`);
    } catch (cause) {
      if (attempt === ATTEMPTS_MAX) {
        throw new FerryError(
          `The stream ${streamArn} cannot be read at ${endpoint}: ${describeError(cause)}.`,
          { code: 'local.stream.unreadable', hint: HINT, cause },
        );
      }
      await clock.sleep(PAUSE_MS);
    }
  }
}

export interface OwnTable {
  readonly schema: KeySchema;
  readonly streamArn: string;
}

/**
 * A table that is there already, for a run that only reads it.
 * @throws FerryError `local.source.missing` or `local.stream.missing`.
 */
export async function ownTable(
  table: string,
  { region, endpoint }: Pick<LocalRegion, 'region' | 'endpoint'>,
  { credentials, view }: { readonly credentials: Credentials; readonly view: StreamView },
): Promise<OwnTable> {
  const access = accessTo({ region, endpoint }, fixedCredentials(credentials));
  const facts = await describeTable(access, table);
  if (facts === undefined) {
    throw new FerryError(`There is no table ${table} at ${endpoint} in ${region}.`, {
      code: 'local.source.missing',
      hint: 'DynamoDB Local keeps tables by Region and access key, unless it was started with -sharedDb: give the Region with --config, and the key in AWS_ACCESS_KEY_ID.',
    });
  }
  const [partitionKey, sortKey] = facts.keys;
  if (partitionKey === undefined) throw new Error(`${endpoint} describes ${table} without a key`);
  const schema = { partitionKey, ...(sortKey === undefined ? {} : { sortKey }) };
  return { schema, streamArn: streamOf(facts, view) };
}

function streamOf(facts: TableFacts, view: StreamView): string {
  const { table, stream } = facts;
  const fits = view === 'NEW_IMAGE' ? /^NEW_/ : /^NEW_AND_OLD_IMAGES$/;
  if (stream !== undefined && fits.test(stream.viewType)) return stream.arn;
  const state = stream === undefined ? 'no stream' : `a stream of ${stream.viewType} only`;
  const needs =
    view === 'NEW_IMAGE' ? 'Ferry needs new images' : 'the projection needs new and old images';
  throw new FerryError(`The table ${table} has ${state}; ${needs}.`, {
    code: 'local.stream.missing',
    hint:
      stream === undefined
        ? `Turn it on: ${streamOnCommand(facts, view)}`
        : `A stream's view cannot be changed. Turn it off, and on again: ${streamAnewCommands(facts, view)}`,
  });
}
