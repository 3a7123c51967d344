// The mutants of the protocol's list about letters that are sent too early: their records come again, and
// get others.

import type { BatchSummary } from '../../src/model/batch-response.ts';
import { classifyFailure } from '../../src/model/write-failure.ts';
import { failureBound, keepLedgerRow } from '../../src/model/ledger-row.ts';
import type { WriteRequest } from '../../src/model/write-request.ts';
import { parseStreamRecord } from '../../src/model/stream-record.ts';
import type { ReplicationContext } from '../../src/replicate/replicate-batch.ts';
import type { TwinWriter } from '../../src/ports.ts';
import { versionIn } from './judge.ts';
import type { Mutant } from './mutants.ts';
import { isOwn, versionOf, WRITTEN } from './mutations.ts';

interface PuttingAside {
  /** First its bound, then its letter. @returns false where it could not be put aside. */
  readonly putAside: (version: string) => Promise<boolean>;
  /** A summary that counts the bounds that failed, too: the judge must not know it by that. */
  readonly counting: (summary: BatchSummary) => BatchSummary;
}

function puttingAside(
  records: readonly unknown[],
  { control, remainingMs, rules: settings, clock, twinWriter, deadLetters }: ReplicationContext,
): PuttingAside {
  const failures = {
    throttled: 0,
    unreachable: 0,
    denied: 0,
    rejected: 0,
    switching: 0,
    unknown: 0,
  };
  const putAside = async (version: string) => {
    const admission = await control.admit(new Set(), remainingMs);
    const seriesOf = admission.kind === 'admitted' ? admission.seriesOf : () => undefined;
    const parsed = records.map((raw) => parseStreamRecord(raw, 0, seriesOf).record);
    const place = parsed.findIndex((one) => one.version === version);
    const { key, keyText, sequenceNumber } = parsed[place] ?? {};
    if (key === undefined || keyText === undefined) return false;
    const nowMs = clock.now();
    const { replication } = settings;
    const reason = { class: 'rejected', name: 'ValidationException', message: '' } as const;
    const failedAt = new Date(nowMs).toISOString();
    const letter = { replication, reason, attempts: [], failedAt, version, key, sequenceNumber };
    try {
      const row = { key, keyText };
      const bound = await twinWriter.write(failureBound(row, version, settings, nowMs));
      if (bound.kind === 'refused') await twinWriter.write(keepLedgerRow(row, settings, nowMs));
    } catch (error) {
      failures[classifyFailure(error).kind] += 1;
      return false;
    }
    return deadLetters.send({ ...letter, record: records[place] }).then(
      () => true,
      () => false,
    );
  };
  const counting = (summary: BatchSummary) => {
    const kinds = Object.keys(failures) as Array<keyof typeof failures>;
    const sums = kinds.map((kind) => [kind, summary.failures[kind] + failures[kind]] as const);
    return { ...summary, failures: Object.fromEntries(sums) as BatchSummary['failures'] };
  };
  return { putAside, counting };
}

/** Tells of each put that the twin will never take, before the sender is told. */
function tellingRejected(
  port: TwinWriter,
  onRejected: (version: string) => Promise<void> | void,
): TwinWriter {
  return {
    async write(request) {
      try {
        return await port.write(request);
      } catch (error) {
        const isRejected = error instanceof Error && error.name === 'ValidationException';
        const isPut = request.operation === 'PutItem' || request.operation === 'TransactWriteItems';
        if (isRejected && isPut) await onRejected(versionIn(request) ?? '');
        throw error;
      }
    },
  };
}

export const MUTANTS_OF_LETTERS: readonly Mutant[] = [
  {
    name: '14 letters in the lanes',
    caughtBy: 91,
    seedsMax: 10_000,
    replicate: (replicate) => async (records, context) => {
      const { putAside, counting } = puttingAside(records, context);
      const sent = new Set<string>();
      const telling = tellingRejected(context.twinWriter, async (version) => {
        if (await putAside(version)) sent.add(version);
      });
      const isSettled = (request: WriteRequest) =>
        isOwn(request, 'f') && sent.has(versionOf(request));
      const twinWriter: TwinWriter = {
        write: async (request) => (isSettled(request) ? WRITTEN : telling.write(request)),
      };
      const deadLetters: ReplicationContext['deadLetters'] = {
        send: async (letter) => {
          if (!sent.has(letter.version ?? '')) await context.deadLetters.send(letter);
        },
      };
      return counting(await replicate(records, { ...context, twinWriter, deadLetters }));
    },
  },
  {
    name: '15 letters above the lowest unfinished',
    caughtBy: 91,
    seedsMax: 10_000,
    replicate: (replicate) => async (records, context) => {
      const rejected: string[] = [];
      const twinWriter = tellingRejected(context.twinWriter, (version) => {
        rejected.push(version);
      });
      const summary = await replicate(records, { ...context, twinWriter });
      const [lowest] = summary.batchItemFailures;
      if (lowest === undefined) return summary;
      const { putAside, counting } = puttingAside(records, context);
      const numberOf = (version: string) => BigInt(version.split('.').at(-1) ?? '0');
      for (const version of rejected)
        if (numberOf(version) > BigInt(lowest.itemIdentifier) && !(await putAside(version))) break;
      return counting(summary);
    },
  },
];
