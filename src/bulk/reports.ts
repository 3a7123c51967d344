// The reports of a bulk run's segments in the bucket: how many segments are done, and all lines of all reports.

import { failurePrefix, isDoneKey, type PartLinks, reportPrefix } from './task.ts';
import { parseReportLine, type ReportLine } from '../verify/difference-report.ts';
import { FerryError } from '../errors.ts';
import type { ObjectStore, StoredObject } from '../ports.ts';

/** How many segments are done. */
export async function segmentsReported(run: string, bucket: ObjectStore): Promise<number> {
  let count = 0;
  for await (const objects of bucket.list(reportPrefix(run))) {
    count += objects.filter(({ key }) => isDoneKey(key)).length;
  }
  return count;
}

/** Why a segment has failed, as the function noted it; undefined where none has, or where it could not. */
export async function segmentFailure(
  run: string,
  bucket: ObjectStore,
): Promise<string | undefined> {
  for await (const [note] of bucket.list(failurePrefix(run)))
    if (note !== undefined) return bucket.get(note.key);
  return undefined;
}

/**
 * Whether each part begins where another one has ended. Otherwise a report is lost, or is of a try whose answer did not
 * count: one that went on after Step Functions had begun the next try can end last.
 */
export class PartChain {
  readonly #begun: string[] = [];
  readonly #ended = new Set<string>();

  /** Reports of functions of earlier releases do not say it. */
  add({ from, to }: PartLinks): void {
    if (from !== undefined) this.#begun.push(from);
    if (to !== undefined) this.#ended.add(to);
  }

  get isWhole(): boolean {
    return this.#begun.every((place) => this.#ended.has(place));
  }
}

/** The reports of a run, a page of the listing at a time. */
export async function* reportObjects(
  run: string,
  bucket: ObjectStore,
): AsyncGenerator<readonly StoredObject[]> {
  for await (const objects of bucket.list(reportPrefix(run)))
    yield objects.filter(({ key }) => !isDoneKey(key));
}

export interface BulkReportLine {
  readonly text: string;
  readonly line: ReportLine | undefined;
}

/**
 * Every line of every report of a run.
 * @throws FerryError `bulk.report-lost` or `bulk.report-format` where one that was listed cannot be read.
 */
export async function* reportLines(
  run: string,
  bucket: ObjectStore,
): AsyncGenerator<BulkReportLine> {
  for await (const objects of reportObjects(run, bucket)) {
    for (const { key } of objects) {
      const text = await bucket.get(key);
      if (text === undefined) {
        throw new FerryError(`The report ${key} is not in the bucket any more.`, {
          code: 'bulk.report-lost',
          hint: 'Nothing can be said of its segment. Run the command again.',
        });
      }
      yield* text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => parsed(line, key));
    }
  }
}

function parsed(text: string, key: string): BulkReportLine {
  const line = parseReportLine(text);
  if (line?.kind === 'newer') throw newerReport(key, line.problem);
  return { text, line };
}

export function newerReport(key: string, problem: string): FerryError {
  return new FerryError(`The report ${key} cannot be read: ${problem}.`, {
    code: 'bulk.report-format',
    hint: 'The deployed function is of a later release. Run the command with that release.',
  });
}
