// The entry for Region switch plans: one run of the state machine at a time, and an error until all tables are switched.

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Context } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseLayers, payloadOf } from '../../src/switching/layers.ts';

const MACHINE = 'arn:aws:states:eu-west-1:111122223333:stateMachine:ferry-switch';
const LAYERS = { 1: { PlannedFailoverDynamoDB: ['orders'] }, 2: { FailbackDynamoDB: ['carts'] } };

interface Run {
  readonly name: string;
  readonly input: unknown;
  status: string;
}

let server: Server;
let runs: Run[];
/** Runs end so when their turn has come. */
let ends: string;
let nowMs: number;

beforeEach(async () => {
  runs = [];
  ends = 'SUCCEEDED';
  nowMs = Date.UTC(2026, 10, 29, 12, 5);
  server = createServer((request, response) => {
    const operation = String(request.headers['x-amz-target']).split('.')[1] ?? '';
    void text(request).then((body) => {
      const reply = answer(operation, JSON.parse(body) as Record<string, string>);
      if ('__type' in reply) response.statusCode = 400;
      return response.end(JSON.stringify(reply));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  vi.stubEnv('AWS_ENDPOINT_URL_SFN', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  vi.stubEnv('AWS_LAMBDA_FUNCTION_NAME', 'ferry-region-switch');
  const variable = { stateMachineArn: MACHINE, target: 'eu-west-1', layers: LAYERS };
  vi.stubEnv('FERRY_SWITCH', JSON.stringify(variable));
  // A new instance of the function.
  vi.resetModules();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

const arnOf = (name: string) => `${MACHINE.replace(':stateMachine:', ':execution:')}:${name}`;

function answer(operation: string, input: Record<string, string>): object {
  const facts = { stateMachineArn: MACHINE, startDate: 1 };
  if (operation === 'StartExecution') {
    const { name = '', input: json = '' } = input;
    const isTaken = runs.some((one) => one.name === name);
    if (isTaken) return { __type: 'ExecutionAlreadyExists', message: name };
    runs.push({ name, input: JSON.parse(json), status: 'RUNNING' });
    return { executionArn: arnOf(name), startDate: 1 };
  }
  const running = runs.filter(({ status }) => status === 'RUNNING');
  if (operation === 'ListExecutions')
    return {
      executions: running.map(({ name, status }) => {
        return { ...facts, name, status, executionArn: arnOf(name) };
      }),
    };
  const run = runs.find(({ name }) => arnOf(name) === input['executionArn']);
  return { ...facts, executionArn: input['executionArn'], status: run?.status };
}

/** One invocation, with time for so many looks; a run ends after the second look at it. */
async function invoke(looks = 9): Promise<unknown> {
  let left = looks;
  let slept = 0;
  const clock = {
    now: () => nowMs,
    async sleep() {
      slept += 1;
      if (slept < 2) return;
      for (const run of runs.filter(({ status }) => status === 'RUNNING')) run.status = ends;
    },
  };
  const invocation = {
    getRemainingTimeInMillis: () => ((left -= 1) < 0 ? 0 : 900_000),
  };
  const { regionSwitchHandler } = await import('../../src/handlers/region-switch.ts');
  return regionSwitchHandler(clock)({ fields: 'unknown' }, invocation as Context);
}

const FIRST = 'ferry-region-switch-eu-west-1-202611291205';

describe('a Region switch plan', () => {
  it('runs the layers of its environment, and is done when the run is', async () => {
    expect(await invoke()).toEqual({ active: 'eu-west-1' });

    expect(runs).toEqual([{ name: FIRST, input: payloadOf(LAYERS), status: 'SUCCEEDED' }]);
  });

  it('joins its own run that is under way, and no other one', async () => {
    runs.push({ name: 'by-hand', input: {}, status: 'RUNNING' });
    await expect(invoke(1)).rejects.toThrow(`${FIRST} is running`);
    nowMs += 60_000;

    expect(await invoke()).toEqual({ active: 'eu-west-1' });
    expect(runs.map(({ name }) => name)).toEqual(['by-hand', FIRST]);
  });

  it('starts one run where it is invoked twice at once', async () => {
    const both = await Promise.all([invoke(), invoke()]);

    expect(both).toEqual([{ active: 'eu-west-1' }, { active: 'eu-west-1' }]);
    expect(runs.map(({ name }) => name)).toEqual([FIRST]);
  });

  it('fails with a run that fails, and starts another one a minute later', async () => {
    ends = 'FAILED';
    await expect(invoke()).rejects.toThrow(`${FIRST} has failed: FAILED`);
    ends = 'SUCCEEDED';
    await expect(invoke()).rejects.toThrow(`${FIRST} has failed: FAILED`);
    nowMs += 60_000;

    expect(await invoke()).toEqual({ active: 'eu-west-1' });
    expect(runs.map(({ name }) => name)).toEqual([FIRST, FIRST.replace(/5$/, '6')]);
  });

  it('says so where its variable is missing', async () => {
    vi.stubEnv('FERRY_SWITCH', undefined);

    await expect(invoke()).rejects.toThrow('has no variable FERRY_SWITCH');
  });
});

it('has layers that the state machine takes', () => {
  const known = new Map([
    ['orders', { source: 'us-east-1', destination: 'eu-west-1' }],
    ['carts', { source: 'eu-west-1', destination: 'us-east-1' }],
  ]);

  expect(parseLayers(payloadOf(LAYERS), known, 'eu-west-1')).toMatchObject([
    { layer: 1, resources: [{ replication: 'orders', operation: 'failover' }] },
    { layer: 2, resources: [{ replication: 'carts', operation: 'failback' }] },
  ]);
});
