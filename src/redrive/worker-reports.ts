// The reports of the workers of a bulk redrive, one for each call -> one report.

import { newerReport, reportObjects } from '../bulk/reports.ts';
import { formatProblem, STORED_FORMAT } from '../model/stored-format.ts';
import type { ObjectStore } from '../ports.ts';
import { addDone, addReport, newReport, type RedriveReport } from './report.ts';

interface Reported {
  readonly report: RedriveReport;
  readonly isEnded: boolean;
}

/** Lists tell whole seconds: what is so young may have been replaced within one. */
const YOUNG_MS = 2_000;

export class RedriveReports {
  readonly #bucket: ObjectStore;
  readonly #run: string;
  /** By their objects; with each, when it was stored. */
  readonly #known = new Map<string, Reported & { readonly storedAtMs: number }>();

  constructor(run: string, bucket: ObjectStore) {
    this.#run = run;
    this.#bucket = bucket;
  }

  /** Reads what is new. */
  async sum(): Promise<RedriveReport> {
    for await (const objects of reportObjects(this.#run, this.#bucket)) {
      const newestMs = Math.max(...objects.map(({ storedAtMs }) => storedAtMs));
      for (const { key, storedAtMs } of objects) {
        const known = this.#known.get(key);
        const isOld = storedAtMs === known?.storedAtMs && newestMs - storedAtMs > YOUNG_MS;
        if (isOld) continue;
        const reported = parseReported(key, await this.#bucket.get(key));
        if (reported !== undefined) this.#known.set(key, { ...reported, storedAtMs });
      }
    }
    const sum = newReport();
    for (const { report, isEnded } of this.#known.values())
      (isEnded ? addReport : addDone)(report, sum);
    return sum;
  }
}

/** Stored by a worker on its way; its summary replaces it. */
export function partLine(part: RedriveReport): string {
  return JSON.stringify({ part, format: STORED_FORMAT });
}

interface ReportedLine {
  readonly format?: unknown;
  readonly part?: RedriveReport;
  readonly summary?: RedriveReport;
}

/** Undefined where there is none yet. */
function parseReported(key: string, text: string | undefined): Reported | undefined {
  const line = text?.split('\n')[0];
  if (line === undefined || line === '') return undefined;
  const { format, part, summary } = JSON.parse(line) as ReportedLine;
  const problem = formatProblem(format);
  if (problem !== undefined) throw newerReport(key, problem);
  const report = summary ?? part;
  if (report === undefined) return undefined;
  // A worker of an earlier release does not report every count.
  return { report: { ...newReport(), ...report }, isEnded: summary !== undefined };
}
