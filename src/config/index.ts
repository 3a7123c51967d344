// What other programs import as `./config`: a configuration, checked, and its types.

export { parseConfig } from './config.ts';
export { loadConfig } from './config-file.ts';
export type {
  Config,
  EventSourceConfig,
  ReplicationConfig,
  SourceConfig,
  TableConfig,
} from './schema.ts';
