// What the commands that start the local world have in common: which replication it rehearses, and what
// its two Regions are.

import type { Credentials } from '../aws/client-settings.ts';
import { credentialsFor } from '../aws/local-credentials.ts';
import { parseConfig, type ReplicationConfig } from '../config/config.ts';
import { UsageError } from '../errors.ts';
import type { OptionSpec, ParsedOptions } from './command.ts';
import type { Io } from './output.ts';
import { replicationFrom } from './replication.ts';

export const localWorldOptions = {
  config: { value: 'FILE', help: 'take the settings of a replication from this file' },
  replication: { value: 'NAME', help: 'which replication of the file, if it has several' },
  'source-endpoint': { value: 'URL', help: 'use this DynamoDB endpoint as the source Region' },
  'destination-endpoint': {
    value: 'URL',
    help: 'use this DynamoDB endpoint as the destination Region',
  },
} satisfies Readonly<Record<string, OptionSpec>>;

/** Without a file: the defaults, between two Regions that stand for any. */
export function chosenReplication(options: ParsedOptions): ReplicationConfig {
  const path = options.text('config');
  if (path !== undefined) return replicationFrom(path, options);
  if (options.text('replication') === undefined) return DEFAULT;
  throw new UsageError('--replication names one of a configuration file, and there is none.', {
    code: 'usage.replication',
    hint: 'Give the file with --config.',
  });
}

const KEY = { partitionKey: { name: 'pk', type: 'S' }, sortKey: { name: 'sk', type: 'S' } };
const [DEFAULT] = parseConfig({
  replications: [
    {
      name: 'local',
      source: { region: 'us-east-1', table: 'source', create: true, ...KEY },
      destination: { region: 'eu-west-1', table: 'destination', create: true, ...KEY },
    },
  ],
}).replications as readonly [ReplicationConfig];

export function endpoint(name: string, options: ParsedOptions): string | undefined {
  const value = options.text(name);
  if (value === undefined || (URL.canParse(value) && /^https?:\/\/[^/]+\/?$/.test(value)))
    return value;
  throw new UsageError(`--${name} must be a URL such as http://127.0.0.1:8000, got "${value}".`, {
    code: 'usage.options',
    hint: 'Give scheme, host and port, and nothing behind them.',
  });
}

/** The embedded engine takes any; another endpoint may need those that are configured. */
export function credentials({ environment }: Io): Promise<Credentials> {
  return credentialsFor(environment);
}
