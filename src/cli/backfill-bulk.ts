// `ferry backfill --bulk`: the deployed state machine copies, and this follows it to its end.

import { systemClock } from '../aws/system-clock.ts';
import type { BackfillRun } from '../backfill/checkpoint.ts';
import { type BackfillProgress, backfillProgress } from '../backfill/backfill.ts';
import { finishBackfill, noteExecution } from '../backfill/run.ts';
import type { BackfillContext } from '../backfill/context.ts';
import { reportLines } from '../bulk/reports.ts';
import type { ObjectStore } from '../ports.ts';
import { incompleteBulk, perWorker, runInBulk } from './bulk.ts';
import type { Call } from './call.ts';

interface Copying {
  readonly call: Call;
  readonly context: BackfillContext;
  readonly onProgress: (progress: BackfillProgress) => void;
}

/** @throws FerryError `bulk.failed` or `bulk.incomplete`, or the reason of `io.interrupted`. */
export async function copyInBulk(
  run: BackfillRun,
  { call, context, onProgress }: Copying,
): Promise<void> {
  const { options } = call;
  const show = async () => {
    const { progress, open } = await backfillProgress(run, context);
    onProgress(progress);
    return { progress, open };
  };
  const { open: segments } = await show();
  await runInBulk(
    call,
    {
      // Another try of the same run is another execution.
      name: `${run.run}-${systemClock.now()}`,
      earlier: run.execution,
      onStarted: (execution) => noteExecution(run, execution, context),
      segments,
      task: {
        operation: 'backfill',
        run,
        readUnits: perWorker('read-units', options),
        writeUnits: perWorker('write-units', options),
      },
      onTick: async () => void (await show()),
    },
    async (bucket) => {
      const { progress, open } = await show();
      if (open.length > 0)
        throw incompleteBulk(
          `The bulk run has ended, but ${open.length} of its segments are not finished.`,
          'The deployed function may have another configuration. Deploy it, and run the command again.',
        );
      if (progress.rejected > 0) await listRejected(run, bucket, context);
      await finishBackfill(run, progress, context);
    },
  );
}

async function listRejected(run: BackfillRun, bucket: ObjectStore, context: BackfillContext) {
  for await (const { line } of reportLines(run.run, bucket)) {
    if (line?.kind !== 'key' || line.reason === undefined) continue;
    context.onRejected({ key: line.key, reason: line.reason });
  }
}
