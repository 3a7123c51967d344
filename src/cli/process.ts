// This process as the command's world: arguments and signals in, lines to stdout and stderr, and the exit
// code of src/cli/main.ts.

import { EXIT } from './output.ts';
import { main } from './main.ts';

// The SDK warns about Node versions on every start; package.json states which ones Ferry supports.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

const interrupt = new AbortController();
process.on('SIGINT', () => {
  // The second Ctrl-C is for those who cannot wait.
  if (interrupt.signal.aborted) process.exit(130);
  interrupt.abort();
});

/** A reader that left, as in `ferry status | head -1`, stops the work like Ctrl-C. */
let readersGone = false;
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') {
      if (stream === process.stdout) {
        process.stderr.write(`ferry: The result cannot be written: ${error.message}.\n`);
      }
      process.exit(EXIT.failed);
    }
    readersGone = true;
    interrupt.abort();
  });
}
const write = (stream: NodeJS.WriteStream, text: string) => {
  if (!readersGone) stream.write(text);
};

const isTerminal = process.stderr.isTTY;
let statusShown = false;
const clearStatus = () => {
  if (statusShown) write(process.stderr, '\r\u001b[K');
  statusShown = false;
};

process.exitCode = await main(process.argv.slice(2), {
  out: (line) => {
    clearStatus();
    write(process.stdout, `${line}\n`);
  },
  err: (line) => {
    clearStatus();
    write(process.stderr, `${line}\n`);
  },
  status: (line) => {
    if (!isTerminal) return;
    clearStatus();
    write(process.stderr, line.slice(0, process.stderr.columns - 1));
    statusShown = true;
  },
  isTerminal,
  environment: process.env,
  interrupted: interrupt.signal,
});
