// The report file of a comparison: written line by line under another name, and in place once it is whole;
// read back line by line, so that it may be of any length.

import { closeSync, createReadStream, openSync, renameSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Item } from '../core/attribute-value.ts';
import { parseReportLine, type ReportHeader } from '../core/difference-report.ts';
import { UsageError } from '../errors.ts';

export interface ReportFile {
  add(line: string): void;
  /** Puts the whole report in place. */
  finish(summary: object): void;
}

/** @throws UsageError where the file cannot be written. */
export function createReportFile(path: string, header: ReportHeader): ReportFile {
  const part = `${path}.part`;
  const file = openOrExplain(part);
  const add = (line: string) => writeSync(file, `${line}\n`);
  add(JSON.stringify(header));
  return {
    add,
    finish(summary) {
      add(JSON.stringify({ summary }));
      closeSync(file);
      renameSync(part, path);
    },
  };
}

function openOrExplain(path: string): number {
  try {
    return openSync(path, 'w');
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
  /** Names of the tables' key attributes. */
  readonly keyAttributes: readonly string[];
}

/**
 * The keys that a report lists.
 * @throws UsageError where the file is no report, or one of another replication.
 */
export async function* keysOfReport(
  path: string,
  expected: ReportExpectation,
): AsyncGenerator<Item> {
  let number = 0;
  for await (const text of linesOf(path)) {
    number += 1;
    const line = parseReportLine(text);
    if (number === 1) checkHeader(line, { path, expected });
    else if (line?.kind === 'key' && hasNames(line.key, expected.keyAttributes)) yield line.key;
    else if (line?.kind !== 'summary') {
      throw notAReport(path, `line ${number} names no key of this table: ${text.slice(0, 200)}`);
    }
  }
  if (number === 0) throw notAReport(path, 'it is empty');
}

async function* linesOf(path: string): AsyncGenerator<string> {
  try {
    yield* createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity });
  } catch (cause) {
    throw notAReport(path, (cause as Error).message);
  }
}

function checkHeader(
  line: ReturnType<typeof parseReportLine>,
  { path, expected }: { path: string; expected: ReportExpectation },
): void {
  if (line?.kind !== 'header') throw notAReport(path, 'its first line is not the header of one');
  const { replication } = line.header;
  if (replication === expected.replication) return;
  throw notAReport(path, `it is about "${replication}", not "${expected.replication}"`);
}

function hasNames(key: Item, names: readonly string[]): boolean {
  return Object.keys(key).length === names.length && names.every((name) => name in key);
}

function notAReport(path: string, why: string): UsageError {
  return new UsageError(`${path} cannot be used as a report: ${why}.`, {
    code: 'report.unusable',
    hint: 'Make one with `ferry verify --report FILE`.',
  });
}
