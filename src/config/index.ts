// What other programs import as `./config`: a configuration, checked, and its types.

export {
  type Config,
  type EventSourceConfig,
  loadConfig,
  parseConfig,
  type ReplicationConfig,
  type SourceConfig,
  type TableConfig,
} from './config.ts';
