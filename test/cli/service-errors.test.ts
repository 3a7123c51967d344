import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { expect, it } from 'vitest';
import { explained } from '../../src/cli/service-errors.ts';
import { startAnswering } from '../fixtures/answering.ts';

it('explains a request that ran out of time', async () => {
  const silent = await startAnswering(() => undefined);
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new DynamoDBClient({
    region: 'eu-west-1',
    endpoint: silent.endpoint,
    credentials,
  });

  const asked = explained('verify', 'Try again.', () =>
    client.send(new DescribeTableCommand({ TableName: 'Orders' }), {
      abortSignal: AbortSignal.timeout(100),
    }),
  );

  await expect(asked).rejects.toThrow(
    expect.objectContaining({ code: 'verify.interrupted', hint: 'Try again.' }),
  );
  client.destroy();
  await silent.close();
});

it('leaves bugs alone', async () => {
  const bug = new TypeError('x is not a function');

  await expect(explained('verify', '', () => Promise.reject(bug))).rejects.toBe(bug);
});
