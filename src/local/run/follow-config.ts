// The file of a kept run is its deployment, too: when its projection changes, the function gets the new one.

import { loadConfig } from '../../config/config-file.ts';
import { describeError, FerryError } from '../../errors.ts';
import type { Clock } from '../../ports.ts';
import type { Cleanup } from './cleanup.ts';
import type { LocalWorld } from './local-world.ts';

interface FollowOptions {
  readonly clock: Clock;
  readonly onDeployed: (digest: string | undefined) => void;
  readonly onProblem: (problem: string) => void;
}

const LOOK_MS = 500;

/** A file that cannot be read, or a projection that is not fit, changes nothing. */
export function followConfig(
  path: string,
  world: LocalWorld,
  { clock, onDeployed, onProblem }: FollowOptions,
): Cleanup {
  const stopping = new AbortController();
  let reported = '';
  const look = async () => {
    try {
      const [replication] = loadConfig(path).replications;
      if (await world.deploy(replication?.projection)) onDeployed(world.projection?.digest);
      reported = '';
    } catch (error) {
      const problem = `The function stays as it is. ${textOf(error)}`;
      if (problem !== reported) onProblem(problem);
      reported = problem;
    }
  };
  const follow = async () => {
    while (!stopping.signal.aborted) {
      await clock.sleep(LOOK_MS);
      await look();
    }
  };
  const following = follow();
  return async () => {
    stopping.abort();
    await following;
  };
}

function textOf(error: unknown): string {
  if (!(error instanceof FerryError)) return describeError(error);
  return [error.message, ...(error.hint === undefined ? [] : [error.hint])].join(' ');
}
