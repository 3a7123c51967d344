// SDK clients whose credentials a service refuses: one more try with others, within one time limit, and no word of the
// keys in an error.

import { DynamoDBClient, DynamoDBServiceException, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { expect, it } from 'vitest';
import { clientSettings } from '../../src/aws/client-settings.ts';
import { type TimedRequest, tryingOthers } from '../../src/aws/other-credentials.ts';
import { undiciHandler } from '../../src/aws/undici-handler.ts';
import { REFUSALS } from '../../src/aws/credential-source.ts';
import { classifyFailure } from '../../src/model/write-failure.ts';
import { startAnswering } from '../fixtures/answering.ts';

const KEYS = { accessKeyId: 'AKIDTEST', secretAccessKey: 'secret', sessionToken: 'TOKEN+MARK' };
const OTHERS = { accessKeyId: 'AKIDOTHER', secretAccessKey: 'other' };

interface Setup {
  readonly name?: string;
  readonly others?: typeof KEYS | typeof OTHERS;
  /** Of these, a try takes so many. */
  readonly tryMs?: number;
  readonly searchMs?: number;
  readonly accepts?: string;
}

/** Time passes by hand only. */
function open({ name = 'ExpiredTokenException', others = OTHERS, ...setup }: Setup) {
  const { tryMs = 0, searchMs = 0, accepts = 'AKIDOTHER' } = setup;
  let nowMs = 1_000;
  let known: typeof KEYS | typeof OTHERS = KEYS;
  const tries: Array<{ by: string; withinMs: number | undefined }> = [];
  const credentials = {
    get: () => known,
    refused: async () => {
      nowMs += searchMs;
      known = others;
      return others !== KEYS;
    },
  };
  const requestHandler = {
    handle: async (request: TimedRequest & { headers: Record<string, string> }) => {
      const by = /Credential=(\w+)/.exec(request.headers['authorization'] ?? '')?.[1] ?? '';
      tries.push({ by, withinMs: request.withinMs });
      nowMs += tryMs;
      const isGood = by === accepts;
      const refusal = {
        __type: `x#${name}`,
        message: `signed: ${JSON.stringify(request.headers)}`,
      };
      const body = new TextEncoder().encode(JSON.stringify(isGood ? {} : refusal));
      return { response: { statusCode: isGood ? 200 : 400, headers: {}, body } };
    },
  };
  const client = new DynamoDBClient({
    ...clientSettings({ region: 'eu-west-1', credentials }),
    maxAttempts: 1,
    cacheMiddleware: true,
    requestHandler: requestHandler as never,
  });
  tryingOthers(client, credentials, { timeoutMs: 5_000, clock: { now: () => nowMs } });
  const get = new GetItemCommand({ TableName: 'Orders', Key: { pk: { S: 'order-1' } } });
  return { tries, send: () => client.send(get) };
}

it.each([...REFUSALS])('others are tried after %s', async (name) => {
  const { tries, send } = open({ name });

  await send();

  expect(tries.map(({ by }) => by)).toEqual(['AKIDTEST', 'AKIDOTHER']);
});

it('credentials are asked for with each request, also if they have no end', async () => {
  const { tries, send } = open({});

  await send();
  await send();

  expect(tries.map(({ by }) => by)).toEqual(['AKIDTEST', 'AKIDOTHER', 'AKIDOTHER']);
});

it('both tries have one time limit', async () => {
  const { tries, send } = open({ tryMs: 1_500, searchMs: 1_000 });

  await send();

  expect(tries.map(({ withinMs }) => withinMs)).toEqual([5_000, 2_500]);
});

it.each([
  { when: 'there are no others', setup: { others: KEYS } },
  { when: 'no time is left', setup: { tryMs: 3_000, searchMs: 1_950 } },
  { when: 'the request itself is refused', setup: { name: 'AccessDeniedException' } },
])('there is no other try where $when', async ({ setup }) => {
  const { tries, send } = open(setup);

  await expect(send()).rejects.toThrow(DynamoDBServiceException);

  expect(tries).toHaveLength(1);
});

it('there is one more try, and no word of any key in the error', async () => {
  const { tries, send } = open({ accepts: 'none' });

  const error: unknown = await send().catch((failure: unknown) => failure);

  expect(tries.map(({ by }) => by)).toEqual(['AKIDTEST', 'AKIDOTHER']);
  expect(classifyFailure(error).kind).toBe('denied');
  const { message, stack } = error as Error;
  expect(message).toMatch(/^signed: /);
  for (const text of [message, stack]) expect(text).not.toMatch(/AKID|MARK/);
});

it('there is no word of a session’s token in an error either', async () => {
  const { send } = open({ others: KEYS });

  await expect(send()).rejects.toThrow(/^signed: (?!.*(AKID|MARK))/);
});

it('a request whose credentials end while it is signed, and come too late, is not sent', async () => {
  let [nowMs, sent] = [1_000, 0];
  const server = await startAnswering(() => {
    sent += 1;
    return {};
  });
  const found = [KEYS, KEYS];
  const credentials = {
    async get() {
      if (found.length < 2) nowMs += 5_000;
      return found.pop() ?? KEYS;
    },
    refused: async () => false,
  };
  const { endpoint } = server;
  const client = new DynamoDBClient({
    ...clientSettings({ region: 'eu-west-1', endpoint, credentials }),
    maxAttempts: 1,
    requestHandler: undiciHandler({ concurrency: 1, timeoutMs: 5_000 }),
  });
  tryingOthers(client, credentials, { timeoutMs: 5_000, clock: { now: () => nowMs } });

  const error: unknown = await client
    .send(new GetItemCommand({ TableName: 'Orders', Key: { pk: { S: 'order-1' } } }))
    .catch((failure: unknown) => failure);

  expect(classifyFailure(error).kind).toBe('denied');
  expect(sent).toBe(0);
  client.destroy();
  await server.close();
});

it('requests under way at the same time have a time limit each', async () => {
  const { tries, send } = open({ tryMs: 100 });

  await Promise.all([send(), send()]);

  expect(tries).toHaveLength(4);
  for (const { withinMs = Infinity } of tries) expect(withinMs).toBeLessThanOrEqual(5_000);
});
