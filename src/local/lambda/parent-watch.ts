// A thread of an execution environment: ends the process once its parent is gone, also while the handler never returns
// and the main thread hears nothing.

import { workerData } from 'node:worker_threads';

const parent: unknown = workerData;

setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
}, 1_000);
