// Which replication a command is about: from a configuration file, by name where it has several.

import { loadConfig } from '../config/config-file.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { UsageError } from '../errors.ts';
import type { OptionSpec, ParsedOptions } from './command.ts';

export const replicationOptions: Readonly<Record<'config' | 'replication', OptionSpec>> = {
  config: { value: 'FILE', help: 'the configuration', default: 'ferry.json' },
  replication: { value: 'NAME', help: 'which replication of the file, if it has several' },
};

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
  const { default: usual } = replicationOptions.config;
  const config = options.text('config');
  const name = options.text('replication');
  const isGiven = (option: string) => command.includes(` --${option} `);
  return [
    command,
    ...(config === undefined || config === usual || isGiven('config')
      ? []
      : [`--config ${config}`]),
    ...(name === undefined || isGiven('replication') ? [] : [`--replication ${name}`]),
  ].join(' ');
}
