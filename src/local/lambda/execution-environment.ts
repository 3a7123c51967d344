// One execution environment: a child process that runs the bundle of a function, one invocation at a time.

import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { namedError } from '../../errors.ts';
import { packageFile } from '../../package-files.ts';
import type { FunctionErrorFields, Invocation, Reply } from './lambda-bootstrap.ts';

export interface EnvironmentOptions {
  /** A module that exports `handler`. */
  readonly bundlePath: string;
  /** The whole environment of the function; only PATH is added. */
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  /** Gets what the function writes to stdout and stderr, as its log group would. */
  readonly onLogLine: (line: string) => void;
}

/** Lambda gives ten seconds; a machine that runs everything at once may need more. */
const INIT_TIMEOUT_MS = 30_000;

const BOOTSTRAP = packageFile('dist/src/local/lambda/lambda-bootstrap.js');

interface RunningInvocation {
  readonly endMarker: string;
  readonly resolve: (response: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
  timedOut: boolean;
  reply?: Reply;
  /** All lines up to the end marker were handed on. */
  linesEnded: boolean;
}

/** One child process. It serves one invocation at a time, and none after it has died. */
export class ExecutionEnvironment {
  alive = true;
  /** Resolves once the process is gone and its last line was handed on. */
  readonly gone: Promise<void>;
  readonly options: EnvironmentOptions;
  readonly #child: ChildProcess;
  readonly #initialized: Promise<void>;
  #current: RunningInvocation | undefined;

  constructor(options: EnvironmentOptions) {
    this.options = options;
    const { PATH = '' } = process.env;
    this.#child = fork(BOOTSTRAP, [options.bundlePath], {
      execArgv: [],
      env: { PATH, ...options.environment },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // Out of reach of a terminal's Ctrl-C, also before the bootstrap can ignore it.
      detached: true,
    });
    readLines(this.#child.stdout, (line) => this.#onOutputLine(line));
    readLines(this.#child.stderr, options.onLogLine);
    this.#child.on('message', (reply: Reply) => this.#onReply(reply));
    // Whatever is wrong with a child, "close" follows, and is dealt with.
    this.#child.on('error', () => this.#kill());
    this.gone = new Promise((resolve) => {
      this.#child.on('close', (code, signal) => {
        this.alive = false;
        this.#onGone(signal === null ? `exit status ${code}` : `signal ${signal}`);
        resolve();
      });
    });
    this.#initialized = this.#initialize();
    // Heard by the first invocation, which may come to it a little later.
    this.#initialized.catch(() => undefined);
  }

  async invoke(event: unknown): Promise<unknown> {
    await this.#initialized;
    const { timeoutSeconds, environment } = this.options;
    const requestId = randomUUID();
    const endMarker = `END RequestId: ${requestId}`;
    const timeoutMs = timeoutSeconds * 1000;
    const functionName = environment['AWS_LAMBDA_FUNCTION_NAME'] ?? 'replicate';
    const invocation: Invocation = { requestId, functionName, event, timeoutMs, endMarker };
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#onTimeout(), timeoutMs);
      this.#current = { endMarker, resolve, reject, timer, timedOut: false, linesEnded: false };
      this.#child.send(invocation, (error) => {
        if (error !== null) this.#kill();
      });
    });
  }

  get isBusy(): boolean {
    return this.alive && this.#current !== undefined;
  }

  /** No longer used: it ends with its invocation, or at the timeout of the invocation. */
  abandon(): { readonly goOn: () => void; readonly over: Promise<void> } {
    const current = this.#current;
    if (current === undefined) throw new Error('no invocation is under way');
    this.alive = false;
    this.#child.kill('SIGSTOP');
    const ended = new Promise<void>((resolve) => {
      this.#current = { ...current, resolve: () => resolve(), reject: () => resolve() };
    });
    current.reject(namedError('PollerReplaced', 'The poller was replaced'));
    return {
      goOn: () => this.#child.kill('SIGCONT'),
      over: ended.then(() => this.end()),
    };
  }

  /** Ends the process: between invocations it has nothing to lose. */
  async end(): Promise<void> {
    this.#kill();
    await this.gone;
  }

  #initialize(): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (error: FunctionErrorFields) => {
        clearTimeout(timer);
        this.#kill();
        reject(functionError(error));
      };
      const timer = setTimeout(
        () => fail({ name: 'Sandbox.Timedout', message: 'The init phase timed out' }),
        INIT_TIMEOUT_MS,
      );
      this.#child.once('message', (reply: Reply) => {
        if (reply.kind === 'init-failed') return fail(reply.error);
        clearTimeout(timer);
        resolve();
      });
      this.#child.once('close', () =>
        fail({ name: 'Runtime.ExitError', message: 'Runtime exited in the init phase' }),
      );
    });
  }

  #onTimeout(): void {
    if (this.#current) this.#current.timedOut = true;
    this.#kill();
  }

  #kill(): void {
    this.alive = false;
    this.#child.kill('SIGKILL');
  }

  #onOutputLine(line: string): void {
    const { onLogLine } = this.options;
    const current = this.#current;
    if (current === undefined || !line.endsWith(current.endMarker)) return onLogLine(line);
    // What the handler wrote last may lack its line feed.
    const rest = line.slice(0, -current.endMarker.length);
    if (rest !== '') onLogLine(rest);
    current.linesEnded = true;
    this.#settleIfOver(current);
  }

  #onReply(reply: Reply): void {
    if (this.#current === undefined) return;
    this.#current.reply = reply;
    this.#settleIfOver(this.#current);
  }

  #settleIfOver(current: RunningInvocation): void {
    const { reply, linesEnded, timer, resolve, reject } = current;
    if (reply === undefined || !linesEnded) return;
    clearTimeout(timer);
    this.#current = undefined;
    if (reply.kind === 'returned') resolve(JSON.parse(reply.response));
    else if (reply.kind === 'threw') reject(functionError(reply.error));
  }

  /** Comes after the last line, so an invocation that had replied is over by now. */
  #onGone(how: string): void {
    const current = this.#current;
    if (current === undefined) return;
    clearTimeout(current.timer);
    this.#current = undefined;
    const { timeoutSeconds } = this.options;
    const error = current.timedOut
      ? { name: 'Sandbox.Timedout', message: `Task timed out after ${timeoutSeconds} seconds` }
      : { name: 'Runtime.ExitError', message: `Runtime exited with ${how}` };
    current.reject(functionError(error));
  }
}

/** Calls `onLine` for each line, whatever chunks it comes in, and for an unfinished last one. */
function readLines(stream: NodeJS.ReadableStream | null, onLine: (line: string) => void): void {
  let unfinished = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (chunk: string) => {
    const lines = (unfinished + chunk).split('\n');
    unfinished = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  stream?.on('end', () => {
    if (unfinished !== '') onLine(unfinished);
  });
}

function functionError({ name, message, stack }: FunctionErrorFields): Error {
  return Object.assign(namedError(name, message), stack !== undefined && { stack });
}
