// Files of this package that code reads or starts. They are found from the TypeScript sources and from dist.

import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Sources are one folder below the package, their built form is two. */
const PACKAGE = new URL(import.meta.url.endsWith('.ts') ? '../' : '../../', import.meta.url);

/** Of what Lambda runs. */
export const FUNCTION_NAMES = [
  'replicate',
  'look-again',
  'bulk-segment',
  'heartbeat',
  'switch',
  'region-switch',
] as const;
export type FunctionName = (typeof FUNCTION_NAMES)[number];

/** @returns the absolute path of a file of the package, for example of `docs/runbook.md`. */
export function packageFile(path: string): string {
  return fileURLToPath(new URL(path, PACKAGE));
}

/** @returns the directory of a built function. A deployment ships it, local mode runs the very same bytes. */
export function functionDirectory(name: FunctionName): string {
  return packageFile(`dist/functions/${name}`);
}

/** @returns the module of a built function that exports `handler`. */
export function functionModule(name: FunctionName): string {
  return `${functionDirectory(name)}/index.mjs`;
}

/** What a function with a module loads it by: beside its own modules. */
const PROJECTION_MODULE = 'projection.mjs';

/** Copies a built function to a directory, with the module of its projection. */
export function copyWithModule(name: FunctionName, module: string, directory: string): void {
  mkdirSync(directory, { recursive: true });
  const built = readdirSync(functionDirectory(name)).filter((file) => file.endsWith('.mjs'));
  for (const file of built) {
    copyFileSync(join(functionDirectory(name), file), join(directory, file));
  }
  copyFileSync(module, join(directory, PROJECTION_MODULE));
}
