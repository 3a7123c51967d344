// Which replication a command is about: from a configuration file, by name if it has several, or from the function that
// was deployed for it.

import { deployment } from '../aws/deployed-function.ts';
import { loadConfig } from '../config/config-file.ts';
import { otherDirection, outward } from '../config/directions.ts';
import { isBackName, NAME_PATTERN } from '../config/names.ts';
import type { Config, Deployment, ReplicationConfig } from '../config/schema.ts';
import { UsageError } from '../errors.ts';
import { nearestName } from '../text/nearest-name.ts';
import { wrongOption } from './arguments.ts';
import { numberOption, type OptionSpec, type ParsedOptions } from './command.ts';

const USUAL_FILE = 'ferry.json';

export const replicationOptions: Readonly<
  Record<'config' | 'replication' | 'deployed', OptionSpec>
> = {
  config: { value: 'FILE', help: `the configuration (default ${USUAL_FILE})` },
  replication: { value: 'NAME', help: 'which replication of the file, if it has several' },
  deployed: { value: 'REGION/NAME', help: 'a deployed replication, instead of a file' },
};

/** Of commands that show one, some or all. */
export const replicationsOptions = {
  ...replicationOptions,
  replication: { value: 'NAMES', help: 'which replications of the file: NAME or NAME,NAME' },
};

/** Of commands that work on several if that is asked for. */
export const severalOptions = {
  ...replicationsOptions,
  all: { help: 'work on every replication of the file' },
  'at-once': numberOption(
    'N',
    [1, 20],
    'of several replications, how many to work on at the same time (default 2)',
  ),
};

/**
 * The deployed replication that the options name, or those of the file, or all of the file in its order.
 * @throws UsageError if the file is not usable, or the options contradict each other; or what Lambda throws.
 */
export async function selectedReplications(
  options: ParsedOptions,
): Promise<readonly ReplicationConfig[]> {
  const place = options.text('deployed');
  return place === undefined
    ? configIn(options).replications
    : [outward((await deploymentAt(place, options)).replication)];
}

/** Those that a command works on: several only if that is asked for. @throws as `selectedReplications`. */
export async function chosenReplications(
  options: ParsedOptions,
): Promise<readonly ReplicationConfig[]> {
  const isNamed = options.text('replication') !== undefined;
  if (isNamed && options.has('all'))
    throw wrongOption('--all and --replication contradict each other.', 'Use one of them.');
  const found = await selectedReplications(options);
  const isSeveral = found.length > 1;
  if (isSeveral && !isNamed && !options.has('all'))
    throw unclear(
      `${configPath(options)} has several replications.`,
      'Use --all, or name some of them with --replication',
      found,
    );
  if (options.text('at-once') !== undefined && !isSeveral && !options.has('all'))
    throw wrongOption(
      '--at-once is for several replications.',
      'Name them with --replication NAME,NAME, or use --all.',
    );
  return found;
}

/** The one that a command works on. @throws as `selectedReplications`, and if there are several. */
export async function selectedReplication(options: ParsedOptions): Promise<ReplicationConfig> {
  return onlyOne(await selectedReplications(options), options);
}

/** The same; of one that goes both ways, the direction of the file, whichever of the two is named. */
export async function selectedPair(options: ParsedOptions): Promise<ReplicationConfig> {
  const found = (await selectedReplications(options)).map((one) =>
    isBackName(one.name) ? otherDirection(one) : one,
  );
  return onlyOne([...new Map(found.map((one) => [one.name, one])).values()], options);
}

/** The same as `selectedReplication`, where nothing can be deployed. */
export function replicationFrom(options: ParsedOptions): ReplicationConfig {
  return onlyOne(configIn(options).replications, options);
}

export function configPath(options: ParsedOptions): string {
  return options.text('config') ?? USUAL_FILE;
}

/** What a deployed function knows. @throws as `selectedReplications` */
export async function deploymentAt(place: string, options: ParsedOptions): Promise<Deployment> {
  const other = ['config', 'replication', 'all'].find(
    (name) => options.text(name) !== undefined || options.has(name),
  );
  if (other !== undefined)
    throw wrongOption(`--deployed names a replication already: leave out --${other}.`, DEPLOYED);
  const [, region, name] = PLACE.exec(place) ?? [];
  if (region === undefined || name === undefined)
    throw wrongOption(`--deployed must be a Region and a name, got "${place}".`, DEPLOYED);
  return deployment({ region }, name);
}

const PLACE = new RegExp(`^([a-z0-9-]+)/(${NAME_PATTERN})$`);
const DEPLOYED = 'For example --deployed us-east-1/orders: the Region of the source, and the name.';

/** The file, with those of its replications that the options name, or all of them. */
export function configIn(options: ParsedOptions): Config {
  const path = configPath(options);
  const config = loadConfig(path);
  const { replications } = config;
  const wanted = options.text('replication')?.split(',');
  if (wanted === undefined) return config;
  const names = replications.map(({ name }) => name);
  const unknown = wanted.filter((name) => !names.includes(name));
  if (unknown.length === 0)
    return { ...config, replications: replications.filter(({ name }) => wanted.includes(name)) };
  const meant = unknown.map((name) => {
    const nearest = nearestName(name, names);
    return nearest === undefined ? `"${name}"` : `"${name}" (did you mean ${nearest}?)`;
  });
  throw unclear(`${path} has no replication ${meant.join(' or ')}.`, NAME_ONE, replications);
}

function onlyOne(found: readonly ReplicationConfig[], options: ParsedOptions): ReplicationConfig {
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const wanted = options.text('replication');
  const message =
    wanted === undefined
      ? `${configPath(options)} has several replications.`
      : `This command works on one replication, got --replication ${wanted}.`;
  throw unclear(message, NAME_ONE, found);
}

const NAME_ONE = 'Name one of them with --replication';

function unclear(
  message: string,
  hint: string,
  replications: readonly ReplicationConfig[],
): UsageError {
  const names = replications.map(({ name }) => name).join(', ');
  return new UsageError(message, { code: 'usage.replication', hint: `${hint}: ${names}.` });
}

/** The same options, about one replication of several. */
export function optionsFor(name: string, options: ParsedOptions): ParsedOptions {
  return { ...options, text: (one) => (one === 'replication' ? name : options.text(one)) };
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
