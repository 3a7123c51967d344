// Builds what Lambda runs. The CDK app ships it; local mode runs the very same bytes.

import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, buildSync } from 'esbuild';

/** Name of the exported function, as Lambda's `handler` setting wants it. */
export const LAMBDA_HANDLER = 'index.handler';

export type HandlerName = 'replicate' | 'look-again' | 'bulk-segment' | 'heartbeat';

/** For packages that are no ES modules, and ask for Node's own while they are loaded. */
const REQUIRE =
  "import{createRequire}from'node:module';const require=createRequire(import.meta.url);";

const PROJECT = fileURLToPath(new URL('..', import.meta.url));

/** How everything is built that Lambda runs. */
export const BUNDLE_OPTIONS = {
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  // The oldest Node that runs the bundle: local mode's, not the function's own.
  target: 'node20',
  mainFields: ['module', 'main'],
  // Names stay as they are, for stack traces; to keep them with `keepNames` would cost a call for every closure.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  banner: { js: REQUIRE },
  logLevel: 'silent',
} as const satisfies BuildOptions;

/**
 * Bundles a handler, with the SDK inside, to `index.mjs` in `directory`. What is imported
 * only when needed becomes a chunk beside it. Repeating it with unchanged sources yields the same bytes.
 * @returns the path of `index.mjs`.
 */
export function buildLambdaBundle(directory: string, handler: HandlerName = 'replicate'): string {
  const entry = fileURLToPath(new URL(`./handlers/${handler}.ts`, import.meta.url));
  const { outputFiles } = buildSync({
    ...BUNDLE_OPTIONS,
    // Without it, the tsconfig.json of the current folder would count.
    absWorkingDir: PROJECT,
    entryPoints: [{ in: entry, out: 'index' }],
    outdir: resolve(directory),
    write: false,
  });
  mkdirSync(directory, { recursive: true });
  for (const { path, contents } of outputFiles) replaceFile(path, contents);
  removeOthers(directory, new Set(outputFiles.map(({ path }) => basename(path))));
  return join(directory, 'index.mjs');
}

/** Renamed into place, so that a process reading the old file never sees half of the new one. */
function replaceFile(path: string, contents: Uint8Array): void {
  writeFileSync(`${path}.${process.pid}`, contents);
  renameSync(`${path}.${process.pid}`, path);
}

/** Chunks of earlier sources would be shipped, too. */
function removeOthers(directory: string, current: ReadonlySet<string>): void {
  for (const name of readdirSync(directory)) {
    if (name.endsWith('.mjs') && !current.has(name)) rmSync(join(directory, name));
  }
}
