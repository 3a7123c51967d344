// The options that `local` and `latency` share: which replication they run, and what their two Regions are.

import { randomBytes } from 'node:crypto';
import { systemClock, systemRandom } from '../aws/system-clock.ts';
import type { Credentials } from '../aws/access.ts';
import { credentialsFor } from '../aws/credentials.ts';
import { parseConfig } from '../config/config.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { UsageError } from '../errors.ts';
import { wrongOption } from './arguments.ts';
import type { OptionSpec, ParsedOptions } from './command.ts';
import type { Io } from './output.ts';
import { replicationFrom } from './replication.ts';

export const localWorldOptions = {
  config: { value: 'FILE', help: 'configuration file with the settings of a replication' },
  replication: { value: 'NAME', help: 'replication of the file, if it has several' },
  'source-endpoint': { value: 'URL', help: 'DynamoDB endpoint to use as the source Region' },
  'destination-endpoint': {
    value: 'URL',
    help: 'DynamoDB endpoint to use as the destination Region',
  },
} satisfies Readonly<Record<string, OptionSpec>>;

/** Without a file, a replication with all defaults between two Regions. */
export function chosenReplication(options: ParsedOptions): ReplicationConfig {
  if (options.text('config') !== undefined) return replicationFrom(options);
  if (options.text('replication') === undefined) return DEFAULT;
  throw new UsageError('--replication needs a configuration file.', {
    code: 'usage.replication',
    hint: 'Name the file with --config.',
  });
}

/** What a run with a workload needs, whatever its story. */
export async function workloadOptions(options: ParsedOptions, io: Io) {
  return {
    writesPerSecond: options.integer('rate') ?? 0,
    durationSeconds: options.integer('duration') ?? 0,
    items: options.integer('items') ?? 0,
    seed: options.integer('seed') ?? randomBytes(4).readUInt32BE(),
    sourceEndpoint: endpoint('source-endpoint', options),
    destinationEndpoint: endpoint('destination-endpoint', options),
    sourcePort: options.integer('source-port'),
    destinationPort: options.integer('destination-port'),
    pagePort: options.integer('port'),
    credentials: await credentials(io),
    runId: randomBytes(3).toString('hex'),
    clock: systemClock,
    random: systemRandom,
    stop: io.interrupted,
    onProblem: (problem: string) => io.err(problem),
  };
}

const KEY = { partitionKey: { name: 'pk', type: 'S' }, sortKey: { name: 'sk', type: 'S' } };
export const [DEFAULT] = parseConfig({
  replications: [
    {
      name: 'local',
      source: { region: 'us-east-1', table: 'source', create: true, ...KEY },
      destination: { region: 'eu-west-1', table: 'destination', create: true, ...KEY },
      // For a run that is switched; others leave it out.
      switching: { fence: 'application' },
    },
  ],
}).replications as readonly [ReplicationConfig];

export function endpoint(name: string, options: ParsedOptions): string | undefined {
  const value = options.text(name);
  if (value === undefined || (URL.canParse(value) && /^https?:\/\/[^/]+\/?$/.test(value)))
    return value;
  throw wrongOption(
    `--${name} must be a URL, for example http://127.0.0.1:8000, got "${value}".`,
    'Use scheme, host and port only.',
  );
}

/** The embedded engine accepts any. Another endpoint may need the configured ones. */
export function credentials({ environment }: Io): Promise<Credentials> {
  return credentialsFor(environment);
}
