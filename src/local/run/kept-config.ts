// The configuration file of a local world, for the commands: its tables, its services, and the settings in which its
// replication differs from the defaults.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { withoutDefaults } from '../../config/without-defaults.ts';
import { UsageError } from '../../errors.ts';
import type { LocalWorld } from './local-world.ts';

/** Of a world, what is in the file. */
export interface KeptPlace extends Pick<LocalWorld, 'replication' | 'streamArn' | 'endpoints'> {
  readonly faults: Pick<LocalWorld['faults'], 'endpoint'>;
  /** The other direction, where the replication goes both ways. */
  readonly back?: Pick<LocalWorld, 'streamArn' | 'endpoints'> | undefined;
}

export interface KeptConfig {
  /** Absolute: the commands may be started in any folder. */
  readonly path: string;
  /** Removes the file, unless it was changed. */
  remove(): void;
}

/**
 * Writes the file, to a new folder for temporary files unless `path` names one.
 * @throws UsageError `local.config.exists`, or what the file system throws.
 */
export function keepConfig(world: KeptPlace, path: string | undefined): KeptConfig {
  const folder = path === undefined ? mkdtempSync(join(tmpdir(), 'ferry-local-')) : undefined;
  const file = resolve(path ?? join(folder ?? '', 'ferry.json'));
  const text = `${JSON.stringify({ replications: [replicationOf(world)] }, null, 2)}\n`;
  write(file, text);
  return {
    path: file,
    remove() {
      if (!isUnchanged(file, text)) return;
      rmSync(file);
      if (folder !== undefined) rmSync(dirname(file), { recursive: true });
    },
  };
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: 'wx' });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    throw new UsageError(`${path} exists already, and is not overwritten.`, {
      code: 'local.config.exists',
      hint: 'Name another file with --write-config, or leave it out: then a new folder is made for it.',
      cause,
    });
  }
}

function isUnchanged(path: string, text: string): boolean {
  try {
    return readFileSync(path, 'utf8') === text;
  } catch {
    // It has been removed already.
    return false;
  }
}

/** Without what a local world does not have: heartbeats and bulk runs. */
function replicationOf(world: KeptPlace): object {
  const { replication, faults, streamArn, endpoints, back } = world;
  const { source, destination, stateTable, name, twoWay } = replication;
  const { heartbeat: _, bulk: __, ...settings } = replication;
  const places = {
    name,
    source: {
      region: source.region,
      table: source.table,
      streamArn,
      endpoint: source.endpoint,
      endpoints,
    },
    // As the function reaches it, faults included.
    destination: {
      region: destination.region,
      table: destination.table,
      endpoint: faults.endpoint,
    },
    stateTable,
    ...(twoWay && back && { twoWay: { ...twoWay, ...back } }),
  };
  return { ...withoutDefaults(settings), ...places };
}
