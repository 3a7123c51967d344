// The rules about a source that sends its changes to a Kinesis data stream.

import { show } from './problems.ts';
import { arnProblems, ownerProblem } from './regions.ts';
import type { ReplicationConfig } from './schema.ts';

/** What Lambda waits for at most, unless it waits for as long as there is the record: a week. */
export const KINESIS_AGE_SECONDS_MAX = 604_800;
/** An hour less than the stream of a table keeps a record. */
const STREAM_AGE_SECONDS_MAX = 82_800;
const AGE_SECONDS_MIN = 60;

/** One line per problem: path, value, and what was expected. */
export function* kinesisProblems(
  path: string,
  { source, switching, eventSource }: ReplicationConfig,
): Generator<string> {
  yield* ageProblem(`${path}.eventSource.maxRecordAgeSeconds`, eventSource, source);
  const { kinesisStreamArn, kinesisRetentionHours, kinesisKmsKeyArn, streamArn, create } = source;
  const at = `${path}.source`;
  if (kinesisStreamArn === undefined) {
    if (kinesisRetentionHours !== undefined || kinesisKmsKeyArn !== undefined)
      yield `${at}: "kinesisRetentionHours" and "kinesisKmsKeyArn" are for a source with "kinesisStreamArn", which is missing`;
    return;
  }
  if (streamArn !== undefined)
    yield `${at}: "streamArn" and "kinesisStreamArn" both name where the changes are read; remove one of them`;
  if (create)
    yield `${at}: "kinesisStreamArn" is for an existing table that sends its changes there; "create" must be false`;
  if (kinesisRetentionHours === undefined)
    yield `${at}.kinesisRetentionHours is required with "kinesisStreamArn", and is missing: \`aws kinesis describe-stream-summary\` prints it as RetentionPeriodHours`;
  if (switching !== undefined)
    yield `${path}.switching must not be combined with "kinesisStreamArn", whose records do not tell in which order an item was written; read the stream of the table`;
  // An emulator has a Region of its own making.
  if (source.endpoint !== undefined) return;
  const what = { table: source, what: 'a Kinesis stream' } as const;
  yield* arnProblems(`${at}.kinesisStreamArn`, kinesisStreamArn, what);
  yield* ownerProblem(`${at}.kinesisStreamArn`, kinesisStreamArn, source.account);
  if (kinesisKmsKeyArn !== undefined && kinesisKmsKeyArn.split(':')[3] !== source.region)
    yield `${at}.kinesisKmsKeyArn must be a key in ${source.region}, got ${show(kinesisKmsKeyArn)}`;
}

function* ageProblem(
  path: string,
  { maxRecordAgeSeconds: seconds }: ReplicationConfig['eventSource'],
  { kinesisStreamArn }: ReplicationConfig['source'],
): Generator<string> {
  const isKinesis = kinesisStreamArn !== undefined;
  const most = isKinesis ? KINESIS_AGE_SECONDS_MAX : STREAM_AGE_SECONDS_MAX;
  if ((seconds >= AGE_SECONDS_MIN && seconds <= most) || (isKinesis && seconds === -1)) return;
  const orNoLimit = isKinesis ? ', or -1 for no limit' : '';
  yield `${path} must be ${AGE_SECONDS_MIN} to ${most}${orNoLimit}, got ${seconds}`;
}
