// Module initialisation and the first request, in fresh processes: the bundle that ships beside a bundle of
// the stock client that does nothing but put one item.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { FUNCTION_OPTIONS } from '../bin/bundles.ts';
import { functionVariables } from '../src/config/function-variable.ts';
import { functionModule } from '../src/package-files.ts';
import { deploymentAt, ENVIRONMENT } from './approach.ts';
import { makeBatch } from './batches.ts';
import { onCore } from './core-pinning.ts';

const STOCK = `
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
const client = new DynamoDBClient({ endpoint: process.env.STUB });
export const handler = () =>
  client.send(new PutItemCommand({ TableName: 'Orders', Item: { pk: { S: 'a' } } }));
`;

/** Imports a bundle, calls its handler once, and prints the milliseconds that both took. */
const TIMER = `
const startMs = performance.now();
const { handler } = await import(process.argv[2]);
const event = process.argv[3] ? JSON.parse(process.argv[3]) : {};
const answer = await handler(event, { getRemainingTimeInMillis: () => 60000 });
if (answer?.batchItemFailures?.length > 0) throw new Error('the batch was not done');
process.stderr.write(String(performance.now() - startMs));
process.exit(0);
`;

/** @returns milliseconds of ours and of the stock client's, in pairs. */
export function coldStarts(endpoint: string, rounds: number): Array<readonly [number, number]> {
  const directory = mkdtempSync(join(tmpdir(), 'ferry-cold-'));
  try {
    const timer = join(directory, 'timer.mjs');
    writeFileSync(timer, TIMER);
    const ours = functionModule('replicate');
    const stock = bundleStock(directory);
    const event = JSON.stringify({
      Records: makeBatch({ records: 1, keys: 1, bytes: 200, deleteShare: 0 }),
    });
    const settings = functionVariables(deploymentAt(endpoint));
    const time = (bundle: string, env: Record<string, string>, ...args: string[]) => {
      const [command, ...rest] = onCore(0, [process.execPath, timer, bundle, ...args]);
      const options = { env: { ...ENVIRONMENT, ...env }, encoding: 'utf8' } as const;
      const said = spawnSync(command, rest, options).stderr;
      if (!(Number(said) > 0)) throw new Error(`a cold start told no time: ${said}`);
      return Number(said);
    };
    return Array.from({ length: rounds }, () => [
      time(ours, settings, event),
      time(stock, { STUB: endpoint }),
    ]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function bundleStock(directory: string): string {
  const outfile = join(directory, 'stock.mjs');
  buildSync({
    ...FUNCTION_OPTIONS,
    stdin: { contents: STOCK, resolveDir: process.cwd() },
    outfile,
    splitting: false,
    minify: true,
    write: true,
  });
  return outfile;
}
