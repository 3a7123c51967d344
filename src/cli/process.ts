// This process as the command's world: arguments and signals in, lines to stdout and stderr, and the exit
// code of src/cli/main.ts.

import { EXIT } from './output.ts';
import { main } from './main.ts';
import { type OutputStream, terminalOf } from './terminal.ts';

// The SDK warns about Node versions on every start; package.json states which ones Ferry supports.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

const interrupt = new AbortController();
// Service managers end a process with SIGTERM.
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    // The second Ctrl-C is for those who cannot wait.
    if (interrupt.signal.aborted) process.exit(130);
    interrupt.abort();
  });
}

/** A reader that left, as in `ferry status | head -1`, stops the work like Ctrl-C. */
const closed = new Set<NodeJS.WriteStream>();
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') {
      if (stream === process.stdout) {
        process.stderr.write(`ferry: The result cannot be written: ${error.message}.\n`);
      }
      process.exit(EXIT.failed);
    }
    closed.add(stream);
    interrupt.abort();
  });
}

/** Its columns are asked for each time, because terminals change their size. */
const outputOf = (stream: NodeJS.WriteStream): OutputStream => ({
  isTTY: stream.isTTY,
  get columns() {
    return stream.columns;
  },
  get rows() {
    return stream.rows;
  },
  write: (text) => {
    if (!closed.has(stream)) stream.write(text);
  },
});

const { end, ...terminal } = terminalOf({
  stdout: outputOf(process.stdout),
  stderr: outputOf(process.stderr),
  environment: process.env,
});
let isDone = false;
process.on('exit', (code) => {
  // Also after the second Ctrl-C.
  end();
  // That of a command that was done would prove something.
  if (isDone || code !== EXIT.done) return;
  process.stderr.write('ferry: The module of the projection has ended the command.\n');
  process.exitCode = EXIT.failed;
});

process.exitCode = await main(process.argv.slice(2), {
  ...terminal,
  environment: process.env,
  interrupted: interrupt.signal,
});
isDone = true;
