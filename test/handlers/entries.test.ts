// What Lambda loads: it needs its variable with the first call, and not before.

import { readdirSync } from 'node:fs';
import type { Context } from 'aws-lambda';
import { expect, it } from 'vitest';

type Handler = (event: object, invocation: Context) => Promise<unknown>;

/** The others are called by a state machine or a plan, which say what to do. */
const OF_A_REPLICATION = ['heartbeat.ts', 'look-again.ts', 'replicate.ts'];
const names = readdirSync('src/handlers').filter((name) => OF_A_REPLICATION.includes(name));

async function handlerIn(name: string): Promise<Handler> {
  const { handler } = (await import(`../../src/handlers/${name}`)) as { handler: Handler };
  return handler;
}

it.each(readdirSync('src/handlers'))('%s can be loaded without an environment', async (name) => {
  expect(await handlerIn(name)).toBeTypeOf('function');
});

it.each(names)('%s says with each call what its environment lacks', async (name) => {
  const handler = await handlerIn(name);
  const call = () =>
    handler({ Records: [] }, { getRemainingTimeInMillis: () => 60_000 } as Context);

  for (const _ of ['first', 'second']) await expect(call()).rejects.toThrow(/^FERRY_REPLICATION/);
});
