// Tables with text keys, for measurements on the embedded engine.

import { CreateTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';

export async function createTable(
  client: DynamoDBClient,
  TableName: string,
  [hash = '', ...range]: readonly string[],
): Promise<void> {
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [hash, ...range].map((AttributeName) => ({
        AttributeName,
        AttributeType: 'S' as const,
      })),
      KeySchema: [
        { AttributeName: hash, KeyType: 'HASH' },
        ...range.map((AttributeName) => ({ AttributeName, KeyType: 'RANGE' as const })),
      ],
    }),
  );
}
