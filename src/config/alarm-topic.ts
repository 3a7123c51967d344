// The topic that the alarms of one direction of a replication go to.

import { isBackName } from './names.ts';
import type { ReplicationConfig } from './schema.ts';

/** @returns undefined for one that the app makes. The way back has its own, because a topic takes its Region's alarms. */
export function topicArnOf({
  name,
  alarms,
}: Pick<ReplicationConfig, 'name' | 'alarms'>): string | undefined {
  return isBackName(name) ? undefined : alarms.topicArn;
}
