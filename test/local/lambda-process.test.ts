import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type LambdaFunction,
  type LambdaProcessOptions,
  startLambdaProcess,
} from '../../src/local/lambda/lambda-process.ts';
import { eventually, isRunning } from './fixtures/processes.ts';
import { killOwners, startOwner } from './fixtures/start-owner.ts';

const started: LambdaFunction[] = [];

afterEach(async () => {
  killOwners();
  await Promise.all(started.splice(0).map((lambda) => lambda.stop()));
});

function fixture(name: string): string {
  return fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));
}

function start(options: Partial<LambdaProcessOptions> = {}) {
  const lines: string[] = [];
  const lambda = startLambdaProcess({
    bundlePath: fixture('function.mjs'),
    environment: {},
    timeoutSeconds: 20,
    onLogLine: (line) => lines.push(line),
    ...options,
  });
  started.push(lambda);
  return { lambda, lines };
}

const failure = (invocation: Promise<unknown>) =>
  invocation.then(
    () => {
      throw new Error('expected a rejection');
    },
    (error: unknown) => error as Error,
  );

describe('a function on this machine', () => {
  it('answers with what the handler returned, and stays warm', async () => {
    const { lambda } = start();

    const first = (await lambda.invoke({ do: 'echo', text: 'ä\u0000\n' })) as { pid: number };
    const second = await lambda.invoke({ do: 'echo' });

    expect(first).toEqual({
      event: { do: 'echo', text: 'ä\u0000\n' },
      invocations: 1,
      pid: expect.any(Number),
    });
    expect(second).toEqual({ event: { do: 'echo' }, invocations: 2, pid: first.pid });
  });

  it('answers null for a handler that returns nothing', async () => {
    const { lambda } = start();

    expect(await lambda.invoke({ do: 'nothing' })).toBeNull();
  });

  it('tells the handler its request, its name and the time it has left', async () => {
    const environment = { AWS_LAMBDA_FUNCTION_NAME: 'orders-replicate' };
    const { lambda } = start({ environment, timeoutSeconds: 15 });

    const context = (await lambda.invoke({ do: 'context' })) as { remainingMs: number };

    expect(context).toMatchObject({
      awsRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      functionName: 'orders-replicate',
    });
    expect(context.remainingMs).toBeGreaterThan(10_000);
    expect(context.remainingMs).toBeLessThanOrEqual(15_000);
  });

  it('gives the handler exactly the environment it was told to, and PATH', async () => {
    process.env['FERRY_TEST_SECRET'] = 'of the parent';
    const { lambda } = start({ environment: { AWS_REGION: 'us-east-1' } });

    const environment = (await lambda.invoke({ do: 'environment' })) as Record<string, string>;
    delete process.env['FERRY_TEST_SECRET'];

    const names = Object.keys(environment).filter((name) => !name.startsWith('NODE_CHANNEL'));
    expect(names.toSorted()).toEqual(['AWS_REGION', 'PATH']);
    expect(environment['AWS_REGION']).toBe('us-east-1');
  });

  it('hands on every line before it answers, however the lines are cut', async () => {
    const { lambda, lines } = start();
    const chunks = ['one\ntw', 'o\nthr', 'ee\n\n', 'fo\u00fcr', ' without an end'];

    await lambda.invoke({ do: 'write', chunks });

    expect(lines).toEqual(['one', 'two', 'three', '', 'fo\u00fcr without an end']);
  });

  it('loses no line of invocations that write much at the same time', async () => {
    const { lambda, lines } = start();
    const invoke = async (name: string) => {
      await lambda.invoke({ do: 'write-much', name, lines: 5_000 });
      return lines.filter((line) => line.startsWith(`${name} `)).length;
    };

    const counts = await Promise.all(['a', 'b', 'c'].map(invoke));

    expect(counts).toEqual([5_000, 5_000, 5_000]);
    expect(lines).toHaveLength(15_000);
  });

  it('rejects with the name and message of what the handler threw, and stays warm', async () => {
    const { lambda } = start();

    const error = await failure(lambda.invoke({ do: 'throw', name: 'TableGone', message: 'oh' }));
    const after = await lambda.invoke({ do: 'echo' });

    expect(error).toMatchObject({ name: 'TableGone', message: 'oh' });
    expect(after).toMatchObject({ invocations: 2 });
  });

  it('rejects when the response is not JSON', async () => {
    const { lambda } = start();

    const error = await failure(lambda.invoke({ do: 'unserializable' }));

    expect(error.name).toBe('TypeError');
  });

  it.each(['hang', 'spin'])('kills a handler that runs out of time: %s', async (how) => {
    const { lambda } = start({ timeoutSeconds: 0.5 });
    const pid = (await lambda.invoke({ do: 'pid' })) as number;

    const error = await failure(lambda.invoke({ do: how }));

    expect(error).toMatchObject({
      name: 'Sandbox.Timedout',
      message: 'Task timed out after 0.5 seconds',
    });
    expect(isRunning(pid)).toBe(false);
  });

  it('starts a fresh process after one has died', async () => {
    const { lambda, lines } = start();
    const before = await lambda.invoke({ do: 'echo' });

    const error = await failure(lambda.invoke({ do: 'exit', status: 3 }));
    const after = await lambda.invoke({ do: 'echo' });

    expect(error).toMatchObject({
      name: 'Runtime.ExitError',
      message: 'Runtime exited with exit status 3',
    });
    expect(lines).toEqual(['first words', 'last words']);
    expect(after).toMatchObject({ invocations: 1 });
    expect((after as { pid: number }).pid).not.toBe((before as { pid: number }).pid);
  });

  it('shows the stack of an error that nobody caught', async () => {
    const { lambda, lines } = start();

    const error = await failure(lambda.invoke({ do: 'throw-later' }));

    expect(error.name).toBe('Runtime.ExitError');
    expect(lines.join('\n')).toContain('nobody catches this');
  });

  it('starts a fresh process when a warm one was killed from outside', async () => {
    const { lambda } = start();
    const pid = (await lambda.invoke({ do: 'pid' })) as number;

    process.kill(pid, 'SIGKILL');
    await eventually(() => !isRunning(pid));
    const answers = [];
    for (let attempt = 0; attempt < 2; attempt += 1) {
      answers.push(await lambda.invoke({ do: 'pid' }).catch((error: Error) => error.name));
    }

    // The first may meet the dead process before its end is known, as in Lambda.
    expect([answers[1], 'Runtime.ExitError']).toContain(answers[0]);
    expect(answers[1]).toEqual(expect.any(Number));
    expect(answers[1]).not.toBe(pid);
  });

  it('lets an invocation go on whose poller was replaced, beside one of another process', async () => {
    const { lambda, lines } = start();
    const pid = (await lambda.invoke({ do: 'pid' })) as number;
    const abandoned = failure(lambda.invoke({ do: 'tell', ms: 300 }));
    let goOn: (() => void) | undefined;
    await eventually(() => (goOn = lambda.abandon()) !== undefined);

    const { name } = await abandoned;
    const other = await lambda.invoke({ do: 'pid' });
    const meanwhile = [...lines];
    goOn?.();
    await lambda.idle();

    expect(name).toBe('PollerReplaced');
    expect(other).not.toBe(pid);
    expect([meanwhile, lines]).toEqual([[], ['done all the same']]);
    expect(isRunning(pid)).toBe(false);
  });

  it('ends an abandoned invocation when its time is up, if nothing lets it go on', async () => {
    const { lambda } = start({ timeoutSeconds: 2 });
    const abandoned = failure(lambda.invoke({ do: 'hang' }));
    await eventually(() => lambda.abandon() !== undefined);

    await abandoned;
    await lambda.idle();

    expect(lambda.abandon()).toBeUndefined();
  });

  it('tells why a bundle does not come up', async () => {
    const broken = start({ bundlePath: fixture('broken-function.mjs') });
    const missing = start({ bundlePath: fixture('no-such-function.mjs') });
    const notAFunction = start({ bundlePath: fixture('no-handler.mjs') });

    const errors = await Promise.all(
      [broken, missing, notAFunction].map(({ lambda }) => failure(lambda.invoke({}))),
    );

    expect(errors[0]).toMatchObject({ name: 'TypeError', message: 'no bundle today' });
    expect(errors[1]?.message).toContain('no-such-function.mjs');
    expect(errors[2]).toMatchObject({ name: 'Runtime.HandlerNotFound' });
  });

  it('runs one invocation at a time in each process, and keeps within its bound', async () => {
    const { lambda } = start({ environmentsMax: 2 });

    const pids = await Promise.all(
      Array.from({ length: 6 }, () => lambda.invoke({ do: 'wait', ms: 50 })),
    );
    expect(new Set(pids).size).toBe(2);
  });

  it('lets running invocations finish when it is stopped, and leaves no process', async () => {
    const { lambda } = start();
    const warm = (await lambda.invoke({ do: 'pid' })) as number;
    const running = [1, 2].map(() => lambda.invoke({ do: 'wait', ms: 100 }));

    await lambda.stop();

    const pids = (await Promise.all(running)) as number[];
    expect(pids).toContain(warm);
    expect([...pids, warm].filter(isRunning)).toEqual([]);
    await expect(lambda.invoke({ do: 'pid' })).rejects.toMatchObject({
      code: 'local.function.stopped',
    });
  });

  it('does not end by a polite signal, because its parent decides', async () => {
    const { lambda } = start();
    const pid = (await lambda.invoke({ do: 'pid' })) as number;

    process.kill(pid, 'SIGINT');
    process.kill(pid, 'SIGTERM');

    expect(await lambda.invoke({ do: 'pid' })).toBe(pid);
  });

  it('survives the Ctrl-C that its parent survives, and ends when its parent is killed', async () => {
    const owner = await startOwner('function');
    const { pid } = owner.owned;

    process.kill(-owner.process.pid, 'SIGINT');
    expect(await owner.nextLine()).toBe('interrupted');
    const survived = isRunning(pid);
    process.kill(owner.process.pid, 'SIGKILL');

    expect(survived).toBe(true);
    expect(await eventually(() => !isRunning(pid))).toBe(true);
  });

  it('ends when its parent is killed, also while its handler never returns', async () => {
    const owner = await startOwner('endless function');
    const { pid } = owner.owned;
    const running = isRunning(pid);

    process.kill(owner.process.pid, 'SIGKILL');

    expect(running).toBe(true);
    expect(await eventually(() => !isRunning(pid))).toBe(true);
  });
});
