// What the plug-in of applications costs: processor time per write, against the same client without it. Requests end
// before the network. Each round has both, one after the other, and the next round in the other order.
// `npm run bench:stamp -- 15`

import { DynamoDBClient, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { ferryStamp } from '../src/stamp/index.ts';
import { foundText, type Goal, isMet, wantedText } from './goals.ts';

const ROUNDS_DEFAULT = 15;
const WRITES = 4_000;
const MOST_US = 30;
const TableName = 'Orders';
const NAMES = Array.from({ length: 8 }, (_, index) => `attribute-${index}`);

type Write = (client: DynamoDBClient) => Promise<unknown>;

const WRITES_BY_NAME: Readonly<Record<string, Write>> = {
  PutItem: (client) => {
    const values = NAMES.map((name) => [name, { S: name.repeat(4) }] as const);
    const Item = { id: { S: 'order-1' }, ...Object.fromEntries(values) };
    return client.send(new PutItemCommand({ TableName, Item }));
  },
  UpdateItem: (client) =>
    client.send(
      new UpdateItemCommand({
        TableName,
        Key: { id: { S: 'order-1' } },
        UpdateExpression: 'SET #status = :status ADD clicks :one',
        ConditionExpression: 'attribute_exists(id)',
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: { ':status': { S: 'paid' }, ':one': { N: '1' } },
      }),
    ),
  'put of a document client': (client) => {
    const values = NAMES.map((name) => [name, name.repeat(4)] as const);
    const Item = { id: 'order-1', ...Object.fromEntries(values) };
    return DynamoDBDocumentClient.from(client).send(new PutCommand({ TableName, Item }));
  },
};

function offlineClient(): DynamoDBClient {
  const body = new TextEncoder().encode('{}');
  const handle = () => Promise.resolve({ response: { statusCode: 200, headers: {}, body } });
  return new DynamoDBClient({
    region: 'eu-west-1',
    credentials: { accessKeyId: 'bench', secretAccessKey: 'bench' },
    requestHandler: { handle } as never,
  });
}

/** Processor time of one write, in microseconds. */
async function costOf(write: Write, client: DynamoDBClient): Promise<number> {
  const before = process.cpuUsage();
  for (let count = 0; count < WRITES; count += 1) await write(client);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / WRITES;
}

const [plain, stamped] = [offlineClient(), offlineClient()];
stamped.middlewareStack.use(ferryStamp({ epoch: 1, origin: 'source', tables: [TableName] }));
const rounds = Array.from({ length: Number(process.argv[2] ?? ROUNDS_DEFAULT) });
const goals: Goal[] = [];
for (const [name, write] of Object.entries(WRITES_BY_NAME)) {
  const figures: number[] = [];
  for (const client of [plain, stamped]) await costOf(write, client);
  for (const round of rounds.keys()) {
    const order = round % 2 === 0 ? [plain, stamped] : [stamped, plain];
    const costs = new Map<DynamoDBClient, number>();
    for (const client of order) costs.set(client, await costOf(write, client));
    const [without = 0, withIt = 0] = [costs.get(plain), costs.get(stamped)];
    console.error(`${name}: ${without.toFixed(0)} us, stamped ${withIt.toFixed(0)} us`);
    figures.push(withIt - without);
  }
  const what = `processor time of the plug-in per write, ${name}`;
  goals.push({ what, unit: 'µs', most: MOST_US, figures });
}
for (const goal of goals)
  console.log(
    `${isMet(goal) ? 'met' : 'MISSED'}, ${wantedText(goal)}  ${goal.what}: ${foundText(goal)}`,
  );
process.exitCode = goals.every(isMet) ? 0 : 1;
