// The alarms of a rehearsal on AWS, of both directions, by the last parts of their names.

import { alarmsNow } from '../aws/alarm-states.ts';
import { serviceSettings } from '../aws/client-settings.ts';
import { cloudWatchClient } from '../aws/cloudwatch-metrics.ts';
import type { Directions } from './rehearsal-denial.ts';

export interface RehearsalAlarms {
  all(): Promise<string[]>;
  firing(): Promise<string[]>;
  close(): void;
}

/** Of each direction, in the Region of its source. */
export function openAlarms(directions: Directions): RehearsalAlarms {
  const opened = directions.map(({ replication, sides }) => ({
    client: cloudWatchClient(serviceSettings(sides.source, 'cloudwatch')),
    prefix: `ferry-${replication.name}-`,
  }));
  const read = async (isWanted: (state: string) => boolean) => {
    const found = await Promise.all(
      opened.map(async ({ client, prefix }) =>
        (await alarmsNow(client, prefix))
          .filter(({ state }) => isWanted(state))
          .map(({ name }) => name.slice(prefix.length)),
      ),
    );
    return [...new Set(found.flat())];
  };
  return {
    all: () => read(() => true),
    firing: () => read((state) => state === 'ALARM'),
    close: () => {
      for (const { client } of opened) client.destroy();
    },
  };
}
