import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { expect, it } from 'vitest';
import { namingFailures } from '../../src/aws/named-failures.ts';
import { explained } from '../../src/cli/service-errors.ts';
import { parseConfig } from '../../src/config/config.ts';
import { namedError, noteRequest } from '../../src/errors.ts';
import { startAnswering } from '../fixtures/answering.ts';
import { STREAM_ARN } from '../fixtures/records.ts';

const { replications: REPLICATIONS } = parseConfig({
  replications: [
    {
      name: 'orders',
      source: { region: 'us-east-1', table: 'Orders', streamArn: STREAM_ARN },
      destination: { region: 'eu-west-1', table: 'Orders' },
    },
  ],
});

it('explains a request that ran out of time', async () => {
  const silent = await startAnswering(() => undefined);
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const settings = { region: 'eu-west-1', endpoint: silent.endpoint, credentials };
  const client = namingFailures(new DynamoDBClient(settings));

  const asked = explained({ hint: 'Nothing was changed.' }, () =>
    client.send(new DescribeTableCommand({ TableName: 'Orders' }), {
      abortSignal: AbortSignal.timeout(100),
    }),
  );

  await expect(asked).rejects.toThrow(
    expect.objectContaining({
      code: 'failure.no-answer',
      message: `No response came from ${silent.endpoint} in time, to dynamodb:DescribeTable of Orders in eu-west-1.`,
      hint: expect.stringMatching(/^Check the network.* Nothing was changed\.$/),
    }),
  );
  client.destroy();
  await silent.close();
});

it('leaves bugs alone', async () => {
  const bug = new TypeError('x is not a function');

  await expect(explained({ hint: '' }, () => Promise.reject(bug))).rejects.toBe(bug);
});

it('names the role that a missing table has in the configuration', async () => {
  const roles = [
    ['us-east-1', 'Orders', 'There is no source table Orders in us-east-1.'],
    ['eu-west-1', 'Orders', 'There is no destination table Orders in eu-west-1.'],
    ['eu-west-1', 'ferry-orders-state', 'There is no state table ferry-orders-state in eu-west-1.'],
    ['us-east-1', 'Users', 'There is no table Users in us-east-1.'],
  ] as const;

  for (const [region, resource, happened] of roles) {
    const error = namedError('ResourceNotFoundException');
    const request = { service: 'dynamodb', operation: 'Scan', resource, region };
    noteRequest(error, { ...request, endpoint: undefined });
    const about = { hint: '', replications: REPLICATIONS };

    await expect(explained(about, () => Promise.reject(error))).rejects.toThrow(happened);
  }
});
