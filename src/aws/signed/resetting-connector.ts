// Sockets that are reset when their request is given up. If they were closed in the ordinary way, the kernel
// would go on to deliver what it still holds: the request could arrive whole, long after it was given up.

import { connect, type Socket } from 'node:net';
import type { buildConnector } from 'undici';
import buildUndiciConnector from 'undici/lib/core/connect.js';

/** Until the connection stands, TLS included. */
const CONNECT_TIMEOUT_MS = 2_000;

export function resettingConnector(): buildConnector.connector {
  const open = buildUndiciConnector({ timeout: CONNECT_TIMEOUT_MS });
  return (options, callback) => {
    const isTls = options.protocol === 'https:';
    // The socket below TLS is the one that can be reset.
    const raw = isTls ? connect(Number(options.port || 443), options.hostname) : undefined;
    open({ ...options, ...(raw === undefined ? {} : { httpSocket: raw }) }, (...result) => {
      const [error, socket] = result;
      if (error === null) resetWhenAborted(socket, raw ?? socket);
      callback(...result);
    });
  };
}

/** undici says so when a request that is under way is aborted. */
const ABORTED = 'aborted';

function resetWhenAborted(socket: Socket, raw: Socket): void {
  const destroy = socket.destroy.bind(socket);
  // Node crashes where the socket below TLS is reset while TLS reports its handshake. Until that is over,
  // undici has written nothing, and there is nothing to take back.
  let isConnecting = true;
  setImmediate(() => (isConnecting = false));
  socket.destroy = (error) => {
    const isAborted = error?.message === ABORTED && !isConnecting;
    if (isAborted && !raw.destroyed) raw.resetAndDestroy();
    return destroy(error);
  };
}
