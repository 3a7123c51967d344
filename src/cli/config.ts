// `ferry config`: prints the configuration of a file or of a deployed function, as it was written or with every value.

import { withDefaults } from '../config/config.ts';
import { readConfigFile } from '../config/config-file.ts';
import { fileEntry } from '../config/directions.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { withoutDefaults } from '../config/without-defaults.ts';
import type { Command, ParsedOptions } from './command.ts';
import { EXIT } from './output.ts';
import { configIn, configPath, deploymentAt, replicationsOptions } from './replication.ts';

export const configCommand: Command = {
  name: 'config',
  options: {
    ...replicationsOptions,
    resolved: { help: 'print every value, also those that Ferry adds by default' },
    json: { help: 'print the configuration as one line of JSON' },
  },
  async run(options, io) {
    const place = options.text('deployed');
    const isResolved = options.has('resolved');
    const config =
      place === undefined
        ? configOfFile(options, isResolved)
        : { replications: [await configOfFunction(place, options, isResolved)] };
    io.out(JSON.stringify(config, null, options.has('json') ? 0 : 2));
    return EXIT.done;
  },
};

/** What the fleet has is part of the file, but of none of its replications. */
function configOfFile(options: ParsedOptions, isResolved: boolean): object {
  const { fleet, replications: chosen } = configIn(options);
  const isWhole = options.text('replication') === undefined;
  const replications = entriesOf(chosen);
  return {
    ...(isWhole && fleet && { fleet }),
    replications: isResolved ? replications : asWritten(replications, options),
  };
}

/** A replication in both directions is one entry. */
function entriesOf(replications: readonly ReplicationConfig[]): ReplicationConfig[] {
  return [...new Map(replications.map(fileEntry).map((one) => [one.name, one])).values()];
}

function asWritten(chosen: readonly ReplicationConfig[], options: ParsedOptions): object[] {
  const file = withDefaults(readConfigFile(configPath(options)).value);
  const { replications } = file as { replications: Array<Pick<ReplicationConfig, 'name'>> };
  return replications.filter(({ name }) => chosen.some((one) => one.name === name));
}

/** A deployed function has every value. */
async function configOfFunction(
  place: string,
  options: ParsedOptions,
  isResolved: boolean,
): Promise<object> {
  const { replication } = await deploymentAt(place, options);
  return isResolved ? replication : withoutDefaults(replication);
}
