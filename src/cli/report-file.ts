// The report file of a comparison: written line by line under another name, and in place once it is whole;
// read back line by line, so that it may be of any length.

import {
  closeSync,
  createReadStream,
  openSync,
  readSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import type { KeyAttribute } from '../config/schema.ts';
import { type Item, itemJson, keyInOrder } from '../model/attribute-value.ts';
import {
  headerLine,
  mayReplace,
  parseReportLine,
  type ReportHeader,
  type ReportScope,
  summaryLine,
} from '../verify/difference-report.ts';
import { keyProblems } from '../model/typed-key.ts';
import { UsageError } from '../errors.ts';
import { JsonProblem, parseJson } from '../text/json-text.ts';

export interface ReportFile {
  add(line: string): void;
  /** Puts the whole report in place. */
  finish(summary: object): void;
  /** Where the report is until then; absent where none is written. */
  readonly partPath?: string;
}

/** @throws UsageError where the file cannot be written, or is a report that proves more. */
export function createReportFile(path: string, header: ReportHeader): ReportFile {
  requireReplaceable(path, header);
  // Two at once must not write into each other's.
  const partPath = `${path}.${process.pid}.part`;
  const file = explained(path, () => openSync(partPath, 'w'));
  const add = (line: string) => writeSync(file, `${lineOf(line)}\n`);
  add(headerLine(header));
  return {
    add,
    partPath,
    finish(summary) {
      add(summaryLine(summary));
      closeSync(file);
      // A comparison of everything may have ended meanwhile.
      requireReplaceable(path, header, partPath);
      renameSync(partPath, path);
    },
  };
}

function requireReplaceable(
  path: string,
  { scope = 'everything' }: ReportHeader,
  partPath?: string,
): void {
  const existing = headerOf(path);
  if (existing === 'nothing') return;
  if (existing === 'no report')
    throw new UsageError(`${path} is no report, so a report does not replace it.`, {
      code: 'report.other-file',
      hint: 'Name another file with --report.',
    });
  if (mayReplace(existing, scope)) return;
  const what = scope === 'sample' ? 'a sample' : 'one item';
  const found = partPath === undefined ? '' : ` What was found is in ${partPath}.`;
  throw new UsageError(
    `${path} is the report of a whole comparison, begun at ${existing.startedAt}; the report of ${what} does not replace it.${found}`,
    { code: 'report.whole', hint: 'Name another file with --report, or move this one.' },
  );
}

/** A header has fewer bytes. */
const HEADER_BYTES_MAX = 65_536;

function headerOf(path: string): ReportHeader | 'nothing' | 'no report' {
  return explained(path, () => {
    const existing = statSync(path, { throwIfNoEntry: false });
    if (existing?.isDirectory() === true) throw new Error('it is a directory');
    // A report is put in place by its name: /dev/null would be a file then, for the whole machine.
    if (existing?.isFile() === false) throw new Error('it is a device or a pipe, not a file');
    if (existing === undefined || existing.size === 0) return 'nothing';
    const line = parseReportLine(firstLine(path));
    return line?.kind === 'header' ? line.header : 'no report';
  });
}

function firstLine(path: string): string {
  const bytes = Buffer.alloc(HEADER_BYTES_MAX);
  const file = openSync(path, 'r');
  try {
    return bytes.toString('utf8', 0, readSync(file, bytes)).split(/\r?\n/)[0] ?? '';
  } finally {
    closeSync(file);
  }
}

/** For what is only shown. */
export function noReportFile(): ReportFile {
  return { add: () => undefined, finish: () => undefined };
}

/** JSON may hold two characters as they are that some readers take for the end of a line. */
function lineOf(json: string): string {
  return json.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}

function explained<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw new UsageError(`Cannot write the report ${path}: ${(cause as Error).message}.`, {
      code: 'report.unwritable',
      hint: 'Name another file with --report.',
      cause,
    });
  }
}

export interface ReportExpectation {
  readonly replication: string;
  /** Where both tables are written, the other direction's report lists the same items. */
  readonly otherDirection?: string | undefined;
  readonly direction?: ReportHeader['direction'];
  readonly keys: readonly KeyAttribute[];
  /** Told of a report whose verify did not come to its end. */
  readonly onUnfinished: () => void;
  /** Told of a report that does not cover everything. */
  readonly onPartial?: (scope: ReportScope) => void;
}

/**
 * The keys that a report lists.
 * @throws UsageError where the file is no report, or one of another replication or direction.
 */
export async function* keysOfReport(
  path: string,
  expected: ReportExpectation,
): AsyncGenerator<Item> {
  const keyAttributes = expected.keys.map(({ name }) => name);
  let number = 0;
  let isFinished = false;
  let strange: UsageError | undefined;
  for await (const text of linesOf(path)) {
    number += 1;
    // Only a last line may have been torn off, when its verify was killed.
    if (strange !== undefined) throw strange;
    const line = parseReportLine(text);
    if (line?.kind === 'newer') throw notAReport(path, line.problem);
    if (number === 1) checkHeader(line, { path, expected });
    else if (line?.kind === 'key' && keyProblems(line.key, expected.keys).length === 0)
      yield keyInOrder(line.key, keyAttributes);
    else if (line?.kind === 'summary') isFinished = true;
    else {
      const what = `line ${number} ${faultOf(text) ?? `names no key of this table${keyIn(line)}`}`;
      strange = notAReport(path, what);
      if (line !== undefined) throw strange;
    }
  }
  if (number === 0) throw notAReport(path, 'it is empty');
  if (!isFinished) expected.onUnfinished();
}

/** Two items of 400 KB with their contents need less. */
const LINE_LENGTH_MAX = 16 * 1_024 * 1_024;

async function* linesOf(path: string): AsyncGenerator<string> {
  try {
    let open = '';
    for await (const text of textOf(path)) {
      const lines = (open + text).split(/\r?\n/);
      open = lines.pop() ?? '';
      if (open.length > LINE_LENGTH_MAX) throw new Error('it has a line without an end');
      yield* lines;
    }
    if (open !== '') yield open;
  } catch (cause) {
    throw notAReport(path, (cause as Error).message);
  }
}

/** Bytes that are no UTF-8 are refused: replaced, they would make the key of another item. */
async function* textOf(path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for await (const bytes of createReadStream(path)) {
    try {
      yield decoder.decode(bytes as Buffer, { stream: true });
    } catch {
      throw new Error('it is not text in UTF-8');
    }
  }
  // A character that has been torn off belongs to a line that has been, too.
}

function checkHeader(
  line: ReturnType<typeof parseReportLine>,
  { path, expected }: { path: string; expected: ReportExpectation },
): void {
  if (line?.kind !== 'header') throw notAReport(path, 'its first line is not the header of one');
  const { replication, direction = 'out', scope = 'everything' } = line.header;
  if (scope !== 'everything') expected.onPartial?.(scope);
  if (replication !== expected.replication && replication !== expected.otherDirection)
    throw notAReport(path, `it is about "${replication}", not "${expected.replication}"`);
  if (direction === (expected.direction ?? 'out')) return;
  throw notAReport(
    path,
    `it is about the direction ${direction}, and the other Region is active by now`,
  );
}

/** Without the text of the line, which may be the contents of an item. */
function faultOf(text: string): string | undefined {
  try {
    parseJson(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof JsonProblem)) throw error;
    const [column = 'column 1'] = /column \d+/.exec(error.message) ?? [];
    return `is not JSON, at ${column}`;
  }
}

/** Nothing but the key: a report may hold the contents of items. */
function keyIn(line: ReturnType<typeof parseReportLine>): string {
  return line?.kind === 'key' ? `: ${itemJson(line.key).slice(0, 200)}` : '';
}

function notAReport(path: string, why: string): UsageError {
  return new UsageError(`${path} cannot be used as a report: ${why}.`, {
    code: 'report.unusable',
    hint: 'Make one with `ferry verify --report FILE`.',
  });
}
