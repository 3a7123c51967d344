// The queue to which commands announce their deletes: the deployed one, unless it is named.

import type { Sides } from '../aws/access.ts';
import { serviceSettings } from '../aws/client-settings.ts';
import { deployedSettings } from '../aws/deployed-function.ts';
import { sqsLookAgain } from '../aws/sqs-look-again.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { lookAgainDelaySeconds } from '../config/names.ts';
import { FerryError } from '../errors.ts';
import type { LookAgainQueue } from '../ports.ts';

export interface LookAgainSetup {
  readonly replication: ReplicationConfig;
  readonly sides: Sides;
  /** Unless it is given, the deployed function is asked. */
  readonly queueUrl?: string | undefined;
  /** Whether the command is going to delete anything: one that only looks needs no queue. */
  readonly apply: boolean;
}

/**
 * Only "checked" tombstones are announced: the others need no queue.
 * @throws FerryError as `deployedSettings` does, and `deployment.differs` where the function has no such queue.
 */
export async function openLookAgain(setup: LookAgainSetup): Promise<LookAgainQueue> {
  const { replication, sides, apply } = setup;
  if (!apply || replication.tombstones !== 'checked') return noQueue();
  const { queueUrl, delaySeconds } = await queueOf(setup);
  const settings = serviceSettings(sides.source, 'sqs');
  return sqsLookAgain({ ...settings, queueUrl, delaySeconds });
}

function noQueue(): LookAgainQueue {
  return {
    announce: async () => {
      throw new Error('a delete was announced, although nothing should be deleted');
    },
  };
}

async function queueOf({ replication, sides, queueUrl }: LookAgainSetup) {
  const { name, function: deployment } = replication;
  if (queueUrl !== undefined) {
    return { queueUrl, delaySeconds: lookAgainDelaySeconds(deployment.timeoutSeconds) };
  }
  const deployed = await deployedSettings(sides.source, name);
  if (deployed.lookAgainQueueUrl !== undefined) {
    return { queueUrl: deployed.lookAgainQueueUrl, delaySeconds: deployed.lookAgainSeconds };
  }
  throw new FerryError(
    `The deployed function of ${name} has no look-again queue; the configuration says "tombstones": "checked".`,
    { code: 'deployment.differs', hint: 'Deploy it with `npx cdk deploy --all`.' },
  );
}
