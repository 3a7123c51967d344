// An order service in us-east-1 whose table Orders is replicated to eu-west-1. It counts each write in us-west-2 first.

import { DynamoDB } from '@aws-sdk/client-dynamodb';
import { openTally, TALLY_ATTRIBUTE, TallyRefused } from '@ferry-replicator/ferry/tally';

const region = process.env['AWS_REGION'] ?? 'us-east-1';
const dynamodb = new DynamoDB({ region });

const tally = openTally({
  client: new DynamoDB({ region: 'us-west-2', maxAttempts: 2 }),
  table: 'orders-tally',
  replication: 'orders',
  region,
  local: {
    client: dynamodb,
    table: 'Orders',
    // The state table of this Region: ferry-orders-state beside the destination.
    stateTable: region === 'eu-west-1' ? 'ferry-orders-state' : 'ferry-orders-back-state',
  },
});

export async function saveOrder(id: string, total: string): Promise<'saved' | 'not here'> {
  const key = { pk: { S: id } };
  try {
    // Before the write: a write that was not counted could be lost without a trace.
    const n = await tally.begin(key);
    const Item = { ...key, total: { N: total }, [TALLY_ATTRIBUTE]: { N: `${n}` } };
    await dynamodb.putItem({ TableName: 'Orders', Item });
    return 'saved';
  } catch (error) {
    if (error instanceof TallyRefused) return 'not here';
    throw error;
  }
}

export async function readOrder(id: string) {
  const key = { pk: { S: id } };
  const { Item: order } = await dynamodb.getItem({ TableName: 'Orders', Key: key });
  // After a Region was lost: a write of this order had begun there, and is not here.
  return { order, isStale: await tally.isStale(key) };
}
