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

/** Two accounts and an operators' role: without --apply, it only reads. */
const { replications: REACHED } = parseConfig({
  defaults: { operatorRole: true },
  replications: [
    {
      name: 'orders',
      source: {
        region: 'us-east-1',
        table: 'Orders',
        account: '111122223333',
        create: true,
        partitionKey: { name: 'pk', type: 'S' },
      },
      destination: { region: 'eu-west-1', table: 'Orders', account: '444455556666' },
    },
  ],
});
const OPERATOR = 'the role arn:aws:iam::111122223333:role/ferry-orders-operator';
const ROLE = 'the role arn:aws:iam::444455556666:role/ferry-orders';
const FOUND = 'assumed with the credentials that the AWS SDK finds.';

it.each([
  ['dynamodb', 'us-east-1', 'Orders', false, `the source by ${OPERATOR}-read, ${FOUND}`],
  [
    'dynamodb',
    'eu-west-1',
    'ferry-orders-state',
    false,
    `the destination by ${ROLE}-reader, assumed with ${OPERATOR}-read, ${FOUND}`,
  ],
  [
    'dynamodb',
    'eu-west-1',
    'Orders, ferry-orders-state',
    true,
    `the destination by ${ROLE}-writer, assumed with ${OPERATOR}, ${FOUND}`,
  ],
  ['sqs', 'us-east-1', 'ferry-orders-dead-letters', true, `the source by ${OPERATOR}, ${FOUND}`],
])(
  'says whose credentials a denied request of %s in %s about %s had (apply: %s)',
  async (service, region, resource, apply, reach) => {
    const error = namedError('AccessDeniedException');
    noteRequest(error, { service, operation: 'Any', resource, region, endpoint: undefined });
    const about = { hint: '', replications: REACHED, apply };

    await expect(explained(about, () => Promise.reject(error))).rejects.toThrow(
      `The configuration reaches ${reach}`,
    );
  },
);

it('says nothing of credentials that no setting has chosen, or that several may have chosen', async () => {
  const error = namedError('AccessDeniedException');
  const request = { service: 'sqs', operation: 'Any', resource: undefined, region: 'us-east-1' };
  noteRequest(error, { ...request, endpoint: undefined });
  for (const replications of [REPLICATIONS, [...REPLICATIONS, ...REACHED]]) {
    const asked = explained({ hint: '', replications }, () => Promise.reject(error));

    await expect(asked).rejects.toThrow(/^((?!The configuration reaches).)*$/);
  }
});

it('does not guess a side where two accounts have a table of one name in one Region', async () => {
  const [found] = REACHED;
  if (found === undefined) throw new Error('there is none');
  const destination = { ...found.destination, region: found.source.region };
  const error = namedError('ResourceNotFoundException');
  const request = { service: 'dynamodb', operation: 'Scan', resource: 'Orders' };
  noteRequest(error, { ...request, region: 'us-east-1', endpoint: undefined });
  const about = { hint: '', replications: [{ ...found, destination }] };

  await expect(explained(about, () => Promise.reject(error))).rejects.toThrow(
    /^There is no table Orders in us-east-1\.$/,
  );
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
