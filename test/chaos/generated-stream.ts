// A source whose stream is made while it is read, at any rate and for any time: the embedded engine writes the slower the
// longer its stream is. Everything but the stream is the engine's. Of the stream, only what may still be asked for is kept.

import type { _Record } from '@aws-sdk/client-dynamodb-streams';
import { type Answer, serve } from '../../src/local/loopback/service.ts';
import { below } from '../../src/local/seeded-random.ts';
import type { Random } from '../../src/ports.ts';

export interface GeneratedStream {
  /** In the place of the engine's. */
  readonly endpoint: string;
  /** Records that the stream has had. */
  readonly records: number;
  /** What the twin must have in the end: number of the last write, by partition key. */
  readonly items: ReadonlyMap<string, number>;
  /** Adds records at once. */
  add(records: number): void;
  generate(perSecond: number): void;
  pause(): void;
  stop(): Promise<void>;
}

export interface GeneratedStreamOptions {
  /** The engine. */
  readonly upstream: string;
  readonly random: Random;
  /** Different keys. */
  readonly keys: number;
  /** Records that may still be asked for. @default more than a process reads ahead */
  readonly kept?: number;
}

const TARGET = 'DynamoDBStreams_20120810.';
const SHARD_ID = 'shardId-00000000000000000000-generated';
const FIRST_NUMBER = 100_000_000_000_000_000_000n;
const TICK_MS = 20;
const DELETE_SHARE = 0.15;
const KEPT_DEFAULT = 20_000;
const PAGE = 1_000;
const NOTE = { S: 'x'.repeat(600) };

type Input = Readonly<Record<string, string | number | undefined>>;

export async function openGeneratedStream(
  options: GeneratedStreamOptions,
): Promise<GeneratedStream> {
  const { upstream, random, keys, kept: keptMax = KEPT_DEFAULT } = options;
  const items = new Map<string, number>();
  let kept: object[] = [];
  let count = 0;
  let timer: NodeJS.Timeout | undefined;
  const append = () => {
    count += 1;
    const pk = `item-${below(random, keys)}`;
    const isDelete = items.has(pk) && random.next() < DELETE_SHARE;
    const eventName = isDelete ? 'REMOVE' : items.has(pk) ? 'MODIFY' : 'INSERT';
    if (isDelete) items.delete(pk);
    else items.set(pk, count);
    kept.push(recordOf({ count, pk, eventName }));
    if (kept.length > 2 * keptMax) kept = kept.slice(-keptMax);
  };
  const operations: Readonly<Record<string, (input: Input) => object>> = {
    DescribeStream: ({ StreamArn }) => ({
      StreamDescription: {
        StreamArn,
        StreamStatus: 'ENABLED',
        Shards: [{ ShardId: SHARD_ID, SequenceNumberRange: { StartingSequenceNumber: '1' } }],
      },
    }),
    GetShardIterator: ({ SequenceNumber }) => ({
      ShardIterator: String(
        SequenceNumber === undefined ? 0 : BigInt(SequenceNumber) - FIRST_NUMBER,
      ),
    }),
    GetRecords({ ShardIterator, Limit = PAGE }) {
      const after = Number(ShardIterator);
      const first = after - (count - kept.length);
      if (first < 0) throw new Error('the process is too far behind');
      const Records = kept.slice(first, first + Number(Limit));
      return { Records, NextShardIterator: String(after + Records.length) };
    },
  };
  const server = await serve({
    name: 'the generated stream',
    bodyBytesMax: 16 * 1024 * 1024,
    async perform({ headers, body, signal }): Promise<Answer> {
      const target = String(headers['x-amz-target']);
      const operation = operations[target.slice(TARGET.length)];
      if (target.startsWith(TARGET) && operation !== undefined)
        return answer(200, JSON.stringify(operation(JSON.parse(body.toString()) as Input)));
      const sent = { 'x-amz-target': target, 'content-type': 'application/x-amz-json-1.0' };
      const authorization = String(headers['authorization']);
      const date = String(headers['x-amz-date']);
      const passed = { ...sent, authorization, 'x-amz-date': date };
      const response = await fetch(upstream, {
        method: 'POST',
        headers: passed,
        body: new Uint8Array(body),
        signal,
      });
      return answer(response.status, await response.text());
    },
    refuse: (error) =>
      answer(500, JSON.stringify({ __type: 'InternalServerError', message: String(error) })),
    tooLong: (size) => new Error(`${size} bytes are too long`),
  });
  const add = (records: number) => {
    for (let missing = records; missing > 0; missing -= 1) append();
  };
  const pause = () => clearInterval(timer);
  return {
    endpoint: server.endpoint,
    get records() {
      return count;
    },
    items,
    add,
    generate(perSecond) {
      const [before, startMs] = [count, performance.now()];
      timer = setInterval(() => {
        const due = before + Math.floor(((performance.now() - startMs) * perSecond) / 1000);
        add(due - count);
      }, TICK_MS);
    },
    pause,
    stop() {
      pause();
      return server.stop();
    },
  };
}

function answer(status: number, body: string): Answer {
  const headers = { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-requestid': 'generated' };
  return { status, headers, body };
}

interface Facts {
  readonly count: number;
  readonly pk: string;
  readonly eventName: _Record['eventName'];
}

function recordOf({ count, pk, eventName }: Facts): object {
  const Keys = { pk: { S: pk } };
  return {
    eventID: String(count),
    eventName,
    eventVersion: '1.1',
    eventSource: 'aws:dynamodb',
    awsRegion: 'us-east-1',
    dynamodb: {
      ApproximateCreationDateTime: Math.floor(Date.now() / 1000),
      Keys,
      ...(eventName !== 'REMOVE' && {
        NewImage: { ...Keys, write: { N: String(count) }, note: NOTE },
      }),
      SequenceNumber: String(FIRST_NUMBER + BigInt(count)),
      SizeBytes: 700,
      StreamViewType: 'NEW_IMAGE',
    },
  };
}
