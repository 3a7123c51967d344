// Builds the one file that Lambda runs. The CDK app ships it; local mode runs the very same bytes.

import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

/** Name of the exported function, as Lambda's `handler` setting wants it. */
export const LAMBDA_HANDLER = 'index.handler';

const ENTRY = fileURLToPath(new URL('./handlers/replicate.ts', import.meta.url));

/**
 * Bundles the replicate handler, with the SDK inside, to `index.mjs` in `directory`.
 * Repeating it with unchanged sources yields the same bytes.
 * @returns the bundle's path.
 */
export function buildLambdaBundle(directory: string): string {
  const { outputFiles } = buildSync({
    entryPoints: [ENTRY],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    // The oldest Node that runs the bundle: local mode's, not the function's own.
    target: 'node20',
    mainFields: ['module', 'main'],
    minify: true,
    keepNames: true,
    legalComments: 'none',
    logLevel: 'silent',
  });
  const path = join(directory, 'index.mjs');
  mkdirSync(directory, { recursive: true });
  // Renamed into place, so that a process reading the old bundle never sees half of the new one.
  writeFileSync(`${path}.${process.pid}`, outputFiles[0]?.contents ?? '');
  renameSync(`${path}.${process.pid}`, path);
  return path;
}
