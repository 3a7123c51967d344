// What only the replicator of a replication that can be switched needs: loaded where there is one.

import type { ReplicationConfig } from '../config/schema.ts';
import type { ObjectStore } from '../ports.ts';
import type { ControlContext, ControlKeeper } from '../replicate/control-keeper.ts';
import { switchedKeeper } from '../replicate/switched-keeper.ts';
import { functionLease, type SideReaders } from './function-lease.ts';

export function functionSwitching(
  replication: ReplicationConfig,
  readers: SideReaders,
  context: ControlContext & { readonly bucket: Pick<ObjectStore, 'put'> },
): ControlKeeper {
  return switchedKeeper({ ...context, ...functionLease(replication, readers) });
}
