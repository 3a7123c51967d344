#!/usr/bin/env -S node --import tsx
// The ferry command: argv -> src/cli/main, and the exit code from there.

import { main } from '../src/cli/main.ts';

// The SDK warns about Node versions on every start; package.json states which ones Ferry supports.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

const interrupt = new AbortController();
process.on('SIGINT', () => {
  // The second Ctrl-C is for those who cannot wait.
  if (interrupt.signal.aborted) process.exit(130);
  interrupt.abort();
});

const isTerminal = process.stderr.isTTY;
let statusShown = false;
const clearStatus = () => {
  if (statusShown) process.stderr.write('\r\u001b[K');
  statusShown = false;
};

process.exitCode = await main(process.argv.slice(2), {
  out: (line) => {
    clearStatus();
    process.stdout.write(`${line}\n`);
  },
  err: (line) => {
    clearStatus();
    process.stderr.write(`${line}\n`);
  },
  status: (line) => {
    clearStatus();
    process.stderr.write(line.slice(0, process.stderr.columns - 1));
    statusShown = true;
  },
  isTerminal,
  environment: process.env,
  interrupted: interrupt.signal,
});
