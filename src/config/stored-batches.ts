// Whether Lambda stores the batches that it gives up, with all records. Otherwise the dead-letter queue only gets
// where the records are in the stream.

import { servicesAt } from './partition-services.ts';
import type { ReplicationConfig } from './schema.ts';

/** The partition must offer it, and the setting must allow that whole records are stored. */
export function storesBatches({
  source,
  deadLetters,
}: {
  readonly source: Pick<ReplicationConfig['source'], 'region'>;
  readonly deadLetters: ReplicationConfig['deadLetters'];
}): boolean {
  return deadLetters === 'whole' && servicesAt(source.region).onFailureBucket;
}
