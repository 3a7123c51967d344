// `ferry config`: prints the configuration of a file or of a deployed function, as it was written or with every value.

import { withDefaults } from '../config/config.ts';
import { loadConfig, readConfigFile } from '../config/config-file.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { withoutDefaults } from '../config/without-defaults.ts';
import type { Command, ParsedOptions } from './command.ts';
import { EXIT } from './output.ts';
import { configPath, replicationsOptions, selectedReplications } from './replication.ts';

export const configCommand: Command = {
  name: 'config',
  options: {
    ...replicationsOptions,
    resolved: { help: 'print every value, also those that Ferry adds by default' },
    json: { help: 'print the configuration as one line of JSON' },
  },
  async run(options, io) {
    const chosen = await selectedReplications(options);
    const replications = options.has('resolved') ? chosen : asWritten(chosen, options);
    const config = { ...fleetOf(options), replications };
    io.out(JSON.stringify(config, null, options.has('json') ? 0 : 2));
    return EXIT.done;
  },
};

/** A deployed function has every value. */
function asWritten(chosen: readonly ReplicationConfig[], options: ParsedOptions): object[] {
  if (options.text('deployed') !== undefined) return chosen.map(withoutDefaults);
  const file = withDefaults(readConfigFile(configPath(options)).value);
  const { replications } = file as { replications: Array<Pick<ReplicationConfig, 'name'>> };
  return replications.filter(({ name }) => chosen.some((one) => one.name === name));
}

/** Part of the file, but of none of its replications. */
function fleetOf(options: ParsedOptions) {
  const isPart = ['deployed', 'replication'].some((name) => options.text(name) !== undefined);
  const { fleet } = isPart ? {} : loadConfig(configPath(options));
  return fleet && { fleet };
}
