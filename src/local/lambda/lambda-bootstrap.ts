// What runs inside an execution environment: imports the bundle named on the command line, calls its
// handler once per message of the parent process, and replies. Ends with the parent process.

import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

export interface Invocation {
  readonly requestId: string;
  readonly functionName: string;
  readonly event: unknown;
  readonly timeoutMs: number;
  /** To be written to stdout, as a line, behind everything that the handler has written. */
  readonly endMarker: string;
}

export interface FunctionErrorFields {
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
}

export type Reply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'init-failed'; readonly error: FunctionErrorFields }
  /** `response` is JSON. */
  | { readonly kind: 'returned'; readonly response: string }
  | { readonly kind: 'threw'; readonly error: FunctionErrorFields };

type Handler = (event: unknown, context: object) => unknown;

// First of all: the parent decides when this process ends, not the terminal. Without a parent, it ends.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
process.on('disconnect', () => process.exit(0));
if (!process.connected) process.exit(0);
new Worker(new URL('./parent-watch.js', import.meta.url), { workerData: process.ppid }).unref();

try {
  const handler = await loadHandler(process.argv[2] ?? '');
  process.on('message', (invocation: Invocation) => void answer(handler, invocation));
  send({ kind: 'ready' });
} catch (error) {
  send({ kind: 'init-failed', error: errorFields(error) });
}

async function loadHandler(bundlePath: string): Promise<Handler> {
  const bundle = (await import(pathToFileURL(bundlePath).href)) as { handler?: unknown };
  if (typeof bundle.handler === 'function') return bundle.handler as Handler;
  const error = new Error(`${bundlePath} exports no function called "handler"`);
  error.name = 'Runtime.HandlerNotFound';
  throw error;
}

async function answer(handler: Handler, invocation: Invocation): Promise<void> {
  const reply = await call(handler, invocation);
  process.stdout.write(`${invocation.endMarker}\n`);
  send(reply);
}

async function call(handler: Handler, invocation: Invocation): Promise<Reply> {
  const { requestId, functionName, event, timeoutMs } = invocation;
  const endsAt = performance.now() + timeoutMs;
  const context = {
    awsRequestId: requestId,
    functionName,
    functionVersion: '$LATEST',
    getRemainingTimeInMillis: () => Math.max(0, Math.round(endsAt - performance.now())),
  };
  try {
    const response = await handler(event, context);
    return { kind: 'returned', response: JSON.stringify(response ?? null) };
  } catch (error) {
    return { kind: 'threw', error: errorFields(error) };
  }
}

function errorFields(error: unknown): FunctionErrorFields {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  return { name: error.name, message: error.message, stack: error.stack };
}

/** A reply that cannot be sent has lost its reader: "disconnect" is about to end this process. */
function send(reply: Reply): void {
  process.send?.(reply, undefined, undefined, () => undefined);
}
