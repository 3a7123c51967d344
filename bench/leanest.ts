// The limit: the least code that a guarded put needs. Text from a template, a signature, undici's dispatch; no
// checks, no outcome, no time limits. It could not be shipped.

import type { Client as ClientType } from 'undici';
import Client from 'undici/lib/dispatcher/client.js';
import { requestSigner } from '../src/aws/signed/sigv4.ts';
import { versionOf } from '../src/model/guard.ts';
import { type Approach, CREDENTIALS, SETTINGS } from './approach.ts';
import type { LambdaRecord } from './batches.ts';

const TARGET = 'DynamoDB_20120810.PutItem';

export const leanestWith =
  (lanes: number): Approach =>
  (endpoint) => {
    const send = sendersWith(lanes, TARGET)(endpoint);
    return (records) => send(mapped(records));
  };

function* mapped(records: readonly LambdaRecord[]): Generator<string> {
  for (const record of records) yield guardedPut(record);
}

/** Sends texts as requests of one kind, as many at a time as there are sockets. */
export const sendersWith = (lanes: number, target: string) => (endpoint: string) => {
  const { host } = new URL(endpoint);
  const sign = requestSigner({ region: 'eu-west-1', service: 'dynamodb', host });
  const sockets = Array.from({ length: lanes }, () => new Client(endpoint, { pipelining: 1 }));
  const send = async (socket: ClientType, text: string) => {
    const body = Buffer.from(text);
    const headers = sign({ target, body }, CREDENTIALS, Date.now());
    await new Promise<void>((resolve, reject) => {
      socket.dispatch(
        { path: '/', method: 'POST', headers, body },
        {
          onRequestStart: () => undefined,
          onResponseStart: (_, status) => {
            if (status !== 200) reject(new Error(`answer ${status}`));
          },
          onResponseData: () => undefined,
          onResponseEnd: () => resolve(),
          onResponseError: (_, error) => reject(error),
        },
      );
    });
  };
  return async (texts: Iterable<string>): Promise<void> => {
    const queue = texts[Symbol.iterator]();
    const lane = async (socket: ClientType) => {
      for (let next = queue.next(); next.done !== true; next = queue.next())
        await send(socket, next.value);
    };
    await Promise.all(sockets.map(lane));
  };
};

const LABEL_MS = Date.UTC(2026, 0, 31, 12);

/** The same request as ours. */
function guardedPut({ dynamodb }: LambdaRecord): string {
  const version = versionOf({ epoch: 1, labelMs: LABEL_MS }, dynamodb.SequenceNumber);
  const stamp = `{"M":{"v":{"S":"${version}"},"t":{"N":"${dynamodb.ApproximateCreationDateTime}"},"o":{"S":"us-east-1"}}}`;
  const item = `${JSON.stringify(dynamodb.NewImage).slice(0, -1)},"_ferry":${stamp}}`;
  return `{"TableName":"${SETTINGS.destinationTable}","Item":${item},"ConditionExpression":"attribute_not_exists(#pk) OR attribute_not_exists(#f) OR #f.#v < :v","ExpressionAttributeNames":{"#pk":"pk","#f":"_ferry","#v":"v"},"ExpressionAttributeValues":{":v":{"S":"${version}"}},"ReturnValuesOnConditionCheckFailure":"ALL_OLD"}`;
}
