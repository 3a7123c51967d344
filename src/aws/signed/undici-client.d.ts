// The client alone: with all of undici, the bundle would be twice as large, and start as much later.
declare module 'undici/lib/dispatcher/client.js' {
  import type { Client } from 'undici';

  const constructor: typeof Client;
  export default constructor;
}

declare module 'undici/lib/core/connect.js' {
  import type { buildConnector } from 'undici';

  const build: typeof buildConnector;
  export default build;
}
