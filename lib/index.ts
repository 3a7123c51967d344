// What other CDK apps import: a Replication for the stack of the source table, and a ReplicationDestination for the
// stack in the Region of its twin.

export { Replication } from './replication.ts';
export type { ReplicationAlarms } from './replication-alarms.ts';
export {
  ReplicationDestination,
  type ReplicationDestinationProps,
} from './replication-destination.ts';
export type {
  AlarmProps,
  ConfiguredReplication,
  DestinationTable,
  KinesisStream,
  ReplicationEncryption,
  ReplicationProps,
  SourceTable,
  TableConstruct,
} from './replication-props.ts';
