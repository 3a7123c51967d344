// The text of a projection's module, looked at before it is deployed or loaded: a function has this one file only.

import { ImportType, initSync, parse } from 'es-module-lexer';
import { UsageError } from '../errors.ts';
import { FUNCTION_HINT } from './module-projection.ts';

const BYTES_MAX = 1024 * 1024;
export const BUNDLE_HINT =
  'Make one file of it: npx esbuild projection.ts --bundle --format=esm --outfile=projection.mjs';

/**
 * @param path of the file, for messages.
 * @throws UsageError `projection.module`, with the line.
 */
export function checkModuleText(bytes: Uint8Array, path: string): void {
  if (!path.endsWith('.mjs')) throw unfit(`${path} is not a .mjs file.`);
  if (bytes.byteLength > BYTES_MAX)
    throw unfit(`${path} has ${bytes.byteLength} bytes. A module has 1 MiB at most.`);
  const text = textOf(bytes, path);
  const [imports, exports] = lexed(text, path);
  for (const { t: kind, n: name, ss: at } of imports) {
    const what =
      kind === ImportType.ImportMeta ? 'uses import.meta' : `imports ${name ?? 'a module'}`;
    throw unfit(`${placeOf(text, at, path)} ${what}. The module of a projection stands alone.`);
  }
  const project = exports.find(({ n: name }) => name === 'project');
  if (project === undefined) throw unfit(`${path} does not export project.`, FUNCTION_HINT);
  if (/^export\s+async\s/.test(text.slice(project.ss)))
    throw unfit(
      `${placeOf(text, project.ss, path)} exports an async function. Ferry does not wait for it.`,
      FUNCTION_HINT,
    );
}

function textOf(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw unfit(`${path} is not text in UTF-8.`, BUNDLE_HINT, cause);
  }
}

function lexed(text: string, path: string): ReturnType<typeof parse> {
  initSync();
  try {
    return parse(text);
  } catch (cause) {
    throw unfit(`${path} is not JavaScript.`, `node --check ${path} shows where.`, cause);
  }
}

function placeOf(text: string, at: number, path: string): string {
  return `${path}, line ${text.slice(0, at).split('\n').length},`;
}

function unfit(message: string, hint = BUNDLE_HINT, cause?: unknown): UsageError {
  return new UsageError(message, { code: 'projection.module', hint, cause });
}
