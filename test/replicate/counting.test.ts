// A run with injected permanent failures through a real queue: every record ends in exactly one
// outcome, and a dead letter rebuilds its record exactly.

import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sqsDeadLetters } from '../../src/aws/sqs-dead-letters.ts';
import { type SqsServer, startSqsServer } from '../../src/local/sqs/server.ts';
import { below, seededRandom } from '../../src/local/seeded-random.ts';
import { replicateBatch } from '../../src/replicate/replicate-batch.ts';
import type { TwinWriter } from '../../src/ports.ts';
import { useEngine } from '../fixtures/engine.ts';
import { lambdaRecord, SETTINGS } from '../fixtures/records.ts';
import { invocation, serviceError, totalOf } from '../fixtures/replication.ts';

const TABLE = 'counted';
const engine = useEngine();
let sqs: SqsServer;
let client: SQSClient;
let queueUrl = '';

beforeAll(async () => {
  await engine().createTable(TABLE, [{ name: 'pk', type: 'S' }]);
  sqs = await startSqsServer();
  client = new SQSClient({ region: 'us-east-1', endpoint: sqs.endpoint });
  queueUrl = (await client.send(new CreateQueueCommand({ QueueName: 'letters' }))).QueueUrl ?? '';
});
afterAll(async () => {
  client.destroy();
  await sqs.stop();
});

it('counts every record once and keeps what cannot be applied, whole', async () => {
  const records = history(400);
  const twinWriter = poisoned(engine().twinWriter);
  const deadLetters = sqsDeadLetters({
    queueUrl,
    region: 'us-east-1',
    concurrency: 16,
    openBucket,
  });
  const settings = { ...SETTINGS, destinationTable: TABLE, deadLetterQueueUrl: queueUrl };
  const summaries = [];
  for (let start = 0; start < records.length; start += 50) {
    const context = invocation({ twinWriter, deadLetters, rules: settings });
    summaries.push(await replicateBatch(records.slice(start, start + 50), context));
  }

  const letters = await receiveAll();

  const dead = summaries.reduce((sum, { counts }) => sum + counts['dead-lettered'], 0);
  expect(summaries.reduce((sum, summary) => sum + totalOf(summary), 0)).toBe(records.length);
  expect(summaries.every(({ retried }) => retried === 0)).toBe(true);
  expect(dead).toBeGreaterThan(10);
  expect(letters).toHaveLength(dead);
  for (const { sequenceNumber, record } of letters) {
    expect(record).toEqual(
      records.find(({ dynamodb }) => dynamodb?.SequenceNumber === sequenceNumber),
    );
  }
});

async function openBucket(): Promise<never> {
  throw new Error('no record here is too large for the queue');
}

/** Every seventh write or so is one that the destination will never take. */
function history(count: number) {
  const random = seededRandom(7);
  return Array.from({ length: count }, (_, index) => {
    const poison = random.next() < 0.15;
    return lambdaRecord({
      id: `item-${below(random, 60)}-${poison ? 'тест' : 'x'}`,
      sequenceNumber: String(index + 1),
      eventName: random.next() < 0.2 ? 'REMOVE' : 'MODIFY',
      attributes: {
        text: { S: '日本 🚢 \u0000' },
        bytes: { B: 'AP8=' },
        n: { N: '1E+2' },
        poison: { BOOL: poison },
      },
    });
  });
}

function poisoned(destination: TwinWriter): TwinWriter {
  return {
    write(request) {
      if (request.operation === 'PutItem' && request.input.Item?.['poison']?.BOOL === true) {
        throw serviceError('ValidationException', 'injected');
      }
      return destination.write(request);
    },
  };
}

interface Letter {
  readonly sequenceNumber: string;
  readonly record: object;
}

async function receiveAll(): Promise<Letter[]> {
  const letters: Letter[] = [];
  for (;;) {
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: 10,
        VisibilityTimeout: 60,
      }),
    );
    if (Messages.length === 0) return letters;
    letters.push(...Messages.map(({ Body = '' }) => JSON.parse(Body) as Letter));
  }
}
