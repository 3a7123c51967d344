// What other CDK apps import.

export { StreamReplicator, type StreamReplicatorProps } from './stream-replicator.ts';
