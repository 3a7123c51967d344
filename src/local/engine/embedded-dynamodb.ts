// One embedded DynamoDB engine, which stands for one Region on this machine. Hands on its endpoint
// once it answers. The engine ends with stop(), or with this process, however that one ends.

import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { FerryError } from '../../errors.ts';
import { HOST, startLoopbackServer } from '../loopback/server.ts';

interface EngineExit {
  /** 0 after stop(); 128 and the signal's number after a signal; null if the supervisor was killed. */
  readonly code: number | null;
  /** The last that the engine said. */
  readonly stderr: string;
}

export interface EmbeddedDynamoDb {
  readonly endpoint: string;
  /** Process id of the engine itself. */
  readonly pid: number;
  /** Resolves once the engine is gone, whatever ended it. Never rejects. */
  readonly exited: Promise<EngineExit>;
  /** Ends the engine and resolves once it is gone. Safe to repeat. */
  stop(): Promise<void>;
}

export interface EmbeddedDynamoDbOptions {
  /** @default a free port. */
  readonly port?: number | undefined;
  /** File that keeps the tables. @default memory. */
  readonly dbPath?: string | undefined;
  /** The engine's program. @default the one of the optional package. */
  readonly enginePath?: string | undefined;
  /** @default 10,000: the engine needs milliseconds, a machine that is busy may need more. */
  readonly startTimeoutMs?: number | undefined;
}

/** package.json has the one for linux-x64. Others are found where they are installed. */
const ENGINE_PACKAGE = `@dynoxide/${process.platform}-${process.arch}`;
const ENGINE_VERSION = '1.2.1';
const START_TIMEOUT_MS = 10_000;
const POLL_INTERVAL_MS = 10;
const HEALTH_TIMEOUT_MS = 1_000;
/** Time for the engine to close its files after SIGTERM. */
const STOP_GRACE_MS = 2_000;
/** Another program may take a free port before the engine does; five times in a row is not an accident. */
const FREE_PORT_ATTEMPTS_MAX = 5;
const STDERR_CHARS_MAX = 4_000;

/**
 * Stands between this process and the engine, in a process group of its own, so that a terminal's
 * Ctrl-C, which goes to the whole foreground group, leaves the engine up for the last comparison.
 * Its input is a pipe held by this process: each line is a signal for the engine, and the end of
 * the pipe, which comes even when this process is killed with SIGKILL, ends the engine.
 */
const SUPERVISOR = `
exec 3<&0
"$@" 3<&- </dev/null >&2 &
engine=$!
echo "$engine"
{
  while read -r signal; do kill -s "$signal" "$engine"; done
  kill -s KILL "$engine"
} <&3 2>/dev/null &
watcher=$!
wait "$engine"
status=$?
kill "$watcher"
wait "$watcher" 2>/dev/null
exit "$status"
`;

/**
 * Starts an engine and waits until it answers. Nothing is left running when this rejects.
 * @throws FerryError `local.engine.missing`, `local.port.in-use` or `local.engine.failed`.
 */
export async function startEmbeddedDynamoDb(
  options: EmbeddedDynamoDbOptions = {},
): Promise<EmbeddedDynamoDb> {
  const program = options.enginePath ?? embeddedEnginePath();
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startEngine(program, { ...options, port: options.port ?? (await freePort()) });
    } catch (error) {
      const taken = error instanceof FerryError && error.code === 'local.port.in-use';
      const again = options.port === undefined && attempt < FREE_PORT_ATTEMPTS_MAX;
      if (!taken || !again) throw error;
    }
  }
}

/**
 * Path of the engine's program.
 * @throws FerryError `local.engine.missing` where the optional package is not installed.
 */
export function embeddedEnginePath(packageName = ENGINE_PACKAGE): string {
  try {
    const manifest = createRequire(import.meta.url).resolve(`${packageName}/package.json`);
    return join(dirname(manifest), 'dynoxide');
  } catch (cause) {
    throw new FerryError(`The embedded DynamoDB engine ${packageName} is not installed here.`, {
      code: 'local.engine.missing',
      hint:
        'It comes with Ferry for linux-x64 only. Elsewhere, install the one of your platform, if there is one: ' +
        `npm install --no-save ${packageName}@${ENGINE_VERSION}. Or give --source-endpoint and ` +
        '--destination-endpoint of any DynamoDB-compatible endpoint, e.g. DynamoDB Local.',
      cause,
    });
  }
}

async function startEngine(
  program: string,
  options: EmbeddedDynamoDbOptions & { readonly port: number },
): Promise<EmbeddedDynamoDb> {
  const { port, dbPath, startTimeoutMs = START_TIMEOUT_MS } = options;
  const endpoint = `http://${HOST}:${port}`;
  const args = ['serve', '--host', HOST, '--port', String(port)];
  if (dbPath !== undefined) args.push('--db-path', dbPath);
  const engine = supervise(program, args);
  try {
    await untilReady(engine, endpoint, startTimeoutMs);
    return { endpoint, pid: engine.pid(), exited: engine.exited, stop: () => engine.stop() };
  } catch (error) {
    await engine.stop();
    throw startError(error, { program, port, stderr: engine.stderr() });
  }
}

type SupervisedEngine = ReturnType<typeof supervise>;

function supervise(program: string, args: readonly string[]) {
  const shell = spawn('/bin/sh', ['-c', SUPERVISOR, 'ferry-engine', program, ...args], {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const stdout = tailOf(shell.stdout);
  const stderr = tailOf(shell.stderr);
  // That it has gone, or never came, is no news: `exited` tells.
  shell.stdin.on('error', () => undefined);
  shell.on('error', () => undefined);
  let running = true;
  const exited = new Promise<EngineExit>((resolve) => {
    // "close", not "exit": only then has every process that held the pipes gone.
    shell.on('close', (code) => {
      running = false;
      resolve({ code, stderr: stderr() });
    });
  });
  const stop = async () => {
    shell.stdin.write('TERM\n');
    const impatience = setTimeout(() => shell.stdin.destroy(), STOP_GRACE_MS);
    await exited;
    clearTimeout(impatience);
  };
  return { exited, stop, stderr, running: () => running, pid: () => Number.parseInt(stdout(), 10) };
}

async function untilReady(
  engine: SupervisedEngine,
  endpoint: string,
  timeoutMs: number,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (engine.running() && performance.now() < deadline) {
    // Another server may answer on this port. Only the engine's own output shows that it listens.
    const listening = engine.stderr().includes(`listening on ${endpoint}`);
    const known = Number.isInteger(engine.pid());
    if (known && listening && (await isHealthy(endpoint)) && engine.running()) return;
    await delay(POLL_INTERVAL_MS);
  }
  throw new Error(engine.running() ? `no answer within ${timeoutMs / 1000} s` : 'it exited');
}

function startError(
  error: unknown,
  { program, port, stderr }: { program: string; port: number; stderr: string },
): FerryError {
  if (/already in use/i.test(stderr)) {
    return new FerryError(`Port ${port} of ${HOST} is already in use.`, {
      code: 'local.port.in-use',
      hint: 'Choose another port, or end what listens there.',
      cause: error,
    });
  }
  const reason = error instanceof Error ? error.message : String(error);
  const said = stderr.trim() === '' ? 'It said nothing.' : `It said: ${stderr.trim()}`;
  return new FerryError(
    `The embedded DynamoDB engine did not start on port ${port}: ${reason}. ${said}`,
    {
      code: 'local.engine.failed',
      hint: `Try it by hand: ${program} serve --host ${HOST} --port ${port}`,
      cause: error,
    },
  );
}

async function isHealthy(endpoint: string): Promise<boolean> {
  try {
    const response = await fetch(endpoint, { signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) });
    return (await response.text()).startsWith('healthy');
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = await startLoopbackServer({ name: 'a free port', onRequest: () => undefined });
  await server.stop();
  return server.port;
}

/** Reads a stream to its end and remembers the last of it. */
function tailOf(stream: NodeJS.ReadableStream): () => string {
  let tail = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => (tail = (tail + chunk).slice(-STDERR_CHARS_MAX)));
  return () => tail;
}
