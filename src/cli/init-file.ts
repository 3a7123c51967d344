// The file that `ferry init` writes: a new one, or one to which entries are added and in which all else stays.

import {
  accessSync,
  constants,
  existsSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { parseConfig } from '../config/config.ts';
import { readConfigFile } from '../config/config-file.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { type Entry, type EntryOptions, type FileDefaults, withoutUsual } from '../init/entry.ts';
import { UsageError } from '../errors.ts';
import { withAppended } from '../text/json-append.ts';
import { linesOf, parseJson } from '../text/json-text.ts';
import type { ParsedOptions } from './command.ts';
import type { Places } from './init-place.ts';

interface FileValue {
  readonly defaults?: FileDefaults;
  readonly replications: readonly object[];
}

export interface ConfigFile {
  readonly path: string;
  /** Undefined where there is no file yet. */
  readonly text: string | undefined;
  readonly value: FileValue;
  readonly replications: readonly ReplicationConfig[];
}

/**
 * The file that the options name, with --add; otherwise a new one.
 * @throws UsageError where a file would be overwritten, or cannot be read; or why none can be made in its folder.
 */
export function openFile(options: ParsedOptions): ConfigFile {
  const path = options.text('config') ?? '';
  if (!existsSync(path)) {
    accessSync(dirname(path), constants.W_OK);
    return { path, text: undefined, value: NEW, replications: [] };
  }
  if (!options.has('add'))
    throw new UsageError(`${path} already exists, and was not changed.`, {
      code: 'config.exists',
      hint: 'Use --add to add the replication to the file, or name another file with --config.',
    });
  const { text, value } = readConfigFile(path);
  const { replications } = parseConfig(value, path, linesOf(text));
  return { path, text, value: value as FileValue, replications };
}

const NEW = { $schema: './ferry.schema.json', replications: [] };

/** What the entries of a file say of places. */
export function entryOptionsOf({ replications }: ConfigFile, places: Places): EntryOptions {
  const namesAccounts = replications.some(({ source }) => source.account !== undefined);
  return { reach: places, namesAccounts };
}

/** What a new file has beside its entries; one that exists keeps its own. */
export interface FileFrame {
  readonly defaults?: FileDefaults;
  readonly fleet?: object;
}

/** Whether the commands would take the file with one more entry. @returns what would be wrong. */
export function problemWith(entry: Entry, file: ConfigFile, frame: FileFrame): string | undefined {
  const value = valueOf(file, frame);
  const more = withoutUsual(entry, value.defaults ?? {});
  try {
    parseConfig({ ...value, replications: [...value.replications, more] }, file.path);
    return undefined;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const [, ...problems] = error.message.split('\n');
    return problems.map((problem) => problem.trim()).join('; ');
  }
}

/**
 * Adds the entries to the file as it is now: another process may have written it since it was opened.
 * @throws UsageError where that is not a sound configuration; the file then stays as it was.
 */
export function writeEntries(
  entries: readonly Entry[],
  frame: FileFrame,
  options: ParsedOptions,
): void {
  const file = openFile(options);
  const value = valueOf(file, frame);
  const added = entries.map((entry) => withoutUsual(entry, value.defaults ?? {}));
  const text =
    file.text === undefined
      ? `${JSON.stringify({ ...value, replications: added }, undefined, 2)}\n`
      : withAppended(file.text, 'replications', added);
  parseConfig(parseJson(text), file.path, linesOf(text));
  putInPlace(text, file);
}

/** Without an existing file, the frame of a new one, in the order in which people read it. */
function valueOf({ text, value }: ConfigFile, frame: FileFrame): FileValue {
  const { replications, ...others } = value;
  return text === undefined ? { ...others, ...frame, replications } : value;
}

/** A file behind a link is replaced, and not the link. */
function putInPlace(text: string, { path, text: before }: ConfigFile): void {
  const isNew = before === undefined;
  const target = isNew ? path : realpathSync(path);
  writeFileSync(`${target}.part`, text, isNew ? {} : { mode: statSync(target).mode });
  renameSync(`${target}.part`, target);
}
