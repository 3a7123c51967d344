// The reports of the workers of a bulk redrive, one for each call -> one report.

import { reportObjects } from '../bulk/reports.ts';
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
        const reported = parseReported(await this.#bucket.get(key));
        if (reported !== undefined) this.#known.set(key, { ...reported, storedAtMs });
      }
    }
    const sum = newReport();
    for (const { report, isEnded } of this.#known.values())
      (isEnded ? addReport : addDone)(report, sum);
    return sum;
  }
}

/** Undefined where there is none yet. */
function parseReported(text: string | undefined): Reported | undefined {
  const line = text?.split('\n')[0];
  if (line === undefined || line === '') return undefined;
  const { part, summary } = JSON.parse(line) as { part?: RedriveReport; summary?: RedriveReport };
  const report = summary ?? part;
  if (report === undefined) return undefined;
  // A worker of an earlier release does not report every count.
  return { report: { ...newReport(), ...report }, isEnded: summary !== undefined };
}
