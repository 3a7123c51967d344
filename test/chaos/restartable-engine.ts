// An engine that keeps its tables in a file, is killed at any moment, and comes back at the same place.

import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type EmbeddedDynamoDb,
  startEmbeddedDynamoDb,
} from '../../src/local/engine/embedded-dynamodb.ts';

export interface RestartableEngine {
  readonly endpoint: string;
  /** Kills it with SIGKILL, and starts it again after `downMs`. */
  killFor(downMs: number): Promise<void>;
  stop(): Promise<void>;
}

export async function restartableEngine(
  directory: string,
  name: string,
): Promise<RestartableEngine> {
  const dbPath = join(directory, `${name}.db`);
  let engine: EmbeddedDynamoDb = await startEmbeddedDynamoDb({ dbPath });
  const { endpoint } = engine;
  const port = Number(new URL(endpoint).port);
  return {
    endpoint,
    async killFor(downMs) {
      process.kill(engine.pid, 'SIGKILL');
      await engine.exited;
      await delay(downMs);
      engine = await startEmbeddedDynamoDb({ dbPath, port });
    },
    stop: () => engine.stop(),
  };
}
