// `ferry verify --bulk`: the deployed state machine compares, and this gathers what it has found.

import { randomBytes } from 'node:crypto';
import { systemClock } from '../aws/system-clock.ts';
import { type BulkReportLine, PartChain, reportLines, segmentsReported } from '../bulk/reports.ts';
import type { PartLinks } from '../bulk/task.ts';
import { addReport, newReport, type VerifyReport } from '../verify/verify.ts';
import type { ObjectStore } from '../ports.ts';
import { wrongOption } from './arguments.ts';
import { incompleteBulk, perWorker, runInBulk } from './bulk.ts';
import type { PairCall } from './call.ts';
import type { ParsedOptions } from './command.ts';
import { progressReporter } from './progress.ts';
import type { ReportFile } from './report-file.ts';
import type { Shown } from './verify-result.ts';
import { settleMsOf } from './work-options.ts';

export interface BulkVerify extends PairCall {
  readonly segments: readonly number[];
  readonly totalSegments: number;
}

export interface Findings {
  readonly file: ReportFile;
  readonly shown: Shown[];
}

/** Differences that are listed on the terminal. */
export const SHOWN_MAX = 10;

/** All reads of the undecided items have to fit into one invocation. */
export function requireShortLooks(options: ParsedOptions): void {
  const seconds = options.integer('settle') ?? 0;
  if (!options.has('bulk') || seconds <= BULK_SETTLE_SECONDS_MAX) return;
  throw wrongOption(
    `With --bulk, --settle must be at most ${BULK_SETTLE_SECONDS_MAX}, got ${seconds}.`,
    'Wait until the replication latency is lower, or run without --bulk.',
  );
}

const BULK_SETTLE_SECONDS_MAX = 15;

/** @throws FerryError `bulk.failed` or `bulk.incomplete`, or the reason of `io.interrupted`. */
export async function verifyInBulk(call: BulkVerify, findings: Findings): Promise<VerifyReport> {
  const { options, io, segments, totalSegments } = call;
  const run = randomBytes(8).toString('hex');
  const report = progressReporter(io, systemClock, 'segments');
  const task = {
    operation: 'verify' as const,
    run,
    totalSegments,
    settleMs: settleMsOf(options),
    values: options.has('values'),
    readUnits: perWorker('read-units', options),
  };
  const onTick = async (bucket: ObjectStore) =>
    report({ done: await segmentsReported(run, bucket), expected: segments.length, facts: [] });
  return runInBulk(call, { name: run, segments, task, onTick }, async (bucket) => {
    const sum = newReport();
    const projection = call.pair.rules.projection?.digest;
    const chain = new PartChain();
    for await (const line of reportLines(run, bucket)) {
      if (line.line?.kind === 'summary') {
        requireSame(line.line.summary, projection);
        chain.add(line.line.summary as PartLinks);
      }
      addLine(line, sum, findings);
    }
    if (sum.segmentsDone !== segments.length || !chain.isWhole)
      throw incompleteBulk(
        `The reports of the bulk run do not prove that it is complete: ${sum.segmentsDone} of ${segments.length} segments are done${chain.isWhole ? '' : ', and a report is lost'}.`,
        'Nothing is proved. Run the command again.',
      );
    return sum;
  });
}

/** After a deployment, the other segments are compared by another projection. */
function requireSame(summary: unknown, wanted: string | undefined): void {
  const { projection } = summary as { readonly projection?: string };
  if (projection === wanted) return;
  throw incompleteBulk(
    'The function was deployed with another projection during the bulk run.',
    'Nothing is proved. Run the command again.',
  );
}

/** A line of a segment's report: part of its summary, or a difference. */
function addLine(
  { text, line }: BulkReportLine,
  sum: VerifyReport,
  { file, shown }: Findings,
): void {
  if (line?.kind === 'summary') addReport(sum, line.summary as VerifyReport);
  else {
    file.add(text);
    if (line?.kind === 'key' && line.difference !== undefined && shown.length < SHOWN_MAX)
      shown.push(line.difference);
  }
}
