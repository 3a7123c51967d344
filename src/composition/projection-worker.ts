// Runs in a thread of its own: opens the projection of a replication when it is asked to, and then applies it to one
// item after the other.

import { parentPort, workerData } from 'node:worker_threads';
import type { ReplicationConfig } from '../config/schema.ts';
import { FerryError } from '../errors.ts';
import type { Projection } from '../model/projection.ts';
import { type Outcome, outcomeOf } from '../projection/sample-test.ts';
import { operatorProjection } from './open-projection.ts';
import type { Asked, Opened } from './try-projection.ts';

const replication = workerData as ReplicationConfig;
let projection: Projection | undefined;

async function open(): Promise<Opened> {
  try {
    // A module needs nothing of the source.
    projection = await operatorProjection(replication, { region: replication.source.region });
    return { digest: projection?.digest ?? '' };
  } catch (error) {
    if (!(error instanceof FerryError)) throw error;
    const { message, code, hint = '' } = error;
    return { refused: { message, code, hint } };
  }
}

async function answer(asked: Asked): Promise<'begun' | Opened | Outcome> {
  if (asked === 'begin') return 'begun';
  if (asked === 'open') return open();
  return outcomeOf(asked, { reservedAttribute: replication.reservedAttribute, projection });
}

parentPort?.on('message', (asked: Asked) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  void answer(asked).then((answered) => parentPort?.postMessage(answered));
});
