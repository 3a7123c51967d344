// Which replication a command is about: from a configuration file, by name if it has several, or from the function that
// was deployed for it.

import { deployment } from '../aws/deployed-function.ts';
import { loadConfig } from '../config/config-file.ts';
import { NAME_PATTERN } from '../config/names.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { UsageError } from '../errors.ts';
import { wrongOption } from './arguments.ts';
import type { OptionSpec, ParsedOptions } from './command.ts';

const USUAL_FILE = 'ferry.json';

export const replicationOptions: Readonly<
  Record<'config' | 'replication' | 'deployed', OptionSpec>
> = {
  config: { value: 'FILE', help: `the configuration (default ${USUAL_FILE})` },
  replication: { value: 'NAME', help: 'which replication of the file, if it has several' },
  deployed: { value: 'REGION/NAME', help: 'a deployed replication, instead of a file' },
};

/**
 * The deployed replication that the options name, or all of the file.
 * @throws UsageError if the file is not usable, or the options contradict each other; or what Lambda throws.
 */
export async function selectedReplications(
  options: ParsedOptions,
): Promise<readonly ReplicationConfig[]> {
  const isNamed = ['deployed', 'replication'].some((name) => options.text(name) !== undefined);
  if (isNamed) return [await selectedReplication(options)];
  return loadConfig(options.text('config') ?? USUAL_FILE).replications;
}

/** The one that a command works on. @throws as `selectedReplications`, and if the file has several. */
export async function selectedReplication(options: ParsedOptions): Promise<ReplicationConfig> {
  const place = options.text('deployed');
  if (place !== undefined) return deployedReplication(place, options);
  return replicationFrom(options.text('config') ?? USUAL_FILE, options);
}

async function deployedReplication(
  place: string,
  options: ParsedOptions,
): Promise<ReplicationConfig> {
  const other = ['config', 'replication'].find((name) => options.text(name) !== undefined);
  if (other !== undefined)
    throw wrongOption(`--deployed names a replication already: leave out --${other}.`, DEPLOYED);
  const [, region, name] = PLACE.exec(place) ?? [];
  if (region === undefined || name === undefined)
    throw wrongOption(`--deployed must be a Region and a name, got "${place}".`, DEPLOYED);
  return (await deployment({ region }, name)).replication;
}

const PLACE = new RegExp(`^([a-z0-9-]+)/(${NAME_PATTERN})$`);
const DEPLOYED = 'For example --deployed us-east-1/orders: the Region of the source, and the name.';

/** @throws UsageError where the file is not usable, or the choice not clear. */
export function replicationFrom(path: string, options: ParsedOptions): ReplicationConfig {
  const wanted = options.text('replication');
  const { replications } = loadConfig(path);
  const found = replications.filter(({ name }) => wanted === undefined || name === wanted);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const names = replications.map(({ name }) => name).join(', ');
  throw new UsageError(
    wanted === undefined
      ? `${path} has several replications.`
      : `${path} has no replication "${wanted}".`,
    { code: 'usage.replication', hint: `Name one of them with --replication: ${names}.` },
  );
}

/** Commands that are about no replication of a file. */
const WITHOUT_FILE: readonly string[] = ['help', 'init', 'latency', 'local'];

/**
 * The text, with each command in backticks as one would type it for the same replication: with the options that named
 * it. A line of JSON stays as it is.
 */
export function withCommandsFor(options: ParsedOptions, text: string): string {
  if (text.startsWith('{')) return text;
  return text.replaceAll(/`(ferry ([a-z]+)[^`]*)`/g, (whole, command: string, name: string) =>
    WITHOUT_FILE.includes(name) ? whole : `\`${withOptions(options, command)}\``,
  );
}

/** Without what the command has already. */
function withOptions(options: ParsedOptions, command: string): string {
  const place = options.text('deployed');
  if (place !== undefined)
    return `${command.replaceAll(/ --(?:config|replication) \S+/g, '')} --deployed ${place}`;
  const config = options.text('config');
  const name = options.text('replication');
  const isGiven = (option: string) => command.includes(` --${option} `);
  return [
    command,
    ...(config === undefined || config === USUAL_FILE || isGiven('config')
      ? []
      : [`--config ${config}`]),
    ...(name === undefined || isGiven('replication') ? [] : [`--replication ${name}`]),
  ].join(' ');
}
