// The measured programs, built as what Lambda runs is built: tsx would be measured with them otherwise.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { FUNCTION_OPTIONS } from '../bin/bundles.ts';

const PROGRAMS = ['measure', 'growth', 'catch-up'] as const;
export type Program = (typeof PROGRAMS)[number];

let directory: string | undefined;

/** @returns the path of a built program. */
export function built(program: Program): string {
  directory ??= buildAll();
  return join(directory, `${program}.mjs`);
}

function buildAll(): string {
  const outdir = mkdtempSync(join(tmpdir(), 'ferry-bench-'));
  process.once('exit', () => rmSync(outdir, { recursive: true, force: true }));
  const entryPoints = PROGRAMS.map((name) => ({ in: `bench/${name}.ts`, out: name }));
  buildSync({ ...FUNCTION_OPTIONS, entryPoints, outdir, write: true });
  return outdir;
}
