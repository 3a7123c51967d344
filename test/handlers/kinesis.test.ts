// The replicate function where its deployment reads a Kinesis stream.

import type { Context, KinesisStreamEvent } from 'aws-lambda';
import { afterEach, beforeAll, expect, it, vi } from 'vitest';
import { parseControlRow, controlKey } from '../../src/model/control-item.ts';
import { environmentOf } from '../fixtures/deployment.ts';
import { useEngine } from '../fixtures/engine.ts';
import { KINESIS_SOURCE, kinesisNumber, kinesisRecord } from '../fixtures/kinesis-records.ts';
import { lambdaRecord, SETTINGS } from '../fixtures/records.ts';

const engine = useEngine();
beforeAll(() => engine().createTable('Orders', [{ name: 'pk', type: 'S' }]));
afterEach(() => {
  vi.unstubAllEnvs();
  vi.resetModules();
  vi.restoreAllMocks();
});

async function invoke(records: readonly object[]) {
  const printed = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const variables = environmentOf({
    arrival: 'any-order',
    tombstones: 'strict',
    destinationEndpoint: engine().endpoint,
  });
  const credentials = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
  for (const [name, value] of Object.entries({ ...variables, ...credentials }))
    vi.stubEnv(name, value);
  const { handler } = await import('../../src/handlers/replicate.ts');
  const event = JSON.parse(JSON.stringify({ Records: records })) as KinesisStreamEvent;
  const answer = await handler(event, { getRemainingTimeInMillis: () => 60_000 } as Context);
  return { answer, printed: printed.mock.calls.map(([line]) => String(line)).join('') };
}

it('replicates the changes of its table, and publishes what is foreign and tied', async () => {
  const put = { id: 'a', sequenceNumber: '7' };

  const { answer, printed } = await invoke([
    kinesisRecord(lambdaRecord({ ...put, attributes: { n: { N: '1' } } }), { place: 0 }),
    kinesisRecord(lambdaRecord(put), { place: 1, tableName: 'Customers' }),
    kinesisRecord(lambdaRecord({ ...put, attributes: { n: { N: '2' } } }), { place: 2 }),
  ]);

  expect(answer).toEqual({ batchItemFailures: [] });
  expect(await engine().get('Orders', { pk: { S: 'a' } })).toMatchObject({ n: { N: '1' } });
  expect(printed).toContain('"AppliedRecords":1');
  expect(printed).toContain('"ForeignRecords":1');
  expect(printed).toContain('"TiedRecords":1');
  const found = parseControlRow(await engine().get(SETTINGS.stateTable, controlKey(SETTINGS)));
  expect(found).toMatchObject({ row: { epochs: [{ streams: [KINESIS_SOURCE] }] } });
});

it('answers with the number of Kinesis', async () => {
  const streamArn = 'arn:aws:kinesis:us-east-1:111122223333:stream/another';
  const { answer } = await invoke([
    kinesisRecord(lambdaRecord({ id: 'b' }), { place: 4, streamArn }),
  ]);

  expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: kinesisNumber(4) }] });
});
