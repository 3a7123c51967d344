// What switches leave behind: statements in the resource policies of both tables, and undecided writes of a
// lost Region.

import type { Access, Sides } from '../aws/access.ts';
import { readClient } from '../aws/dynamodb-reader.ts';
import { tablePolicy } from '../aws/resource-policy.ts';
import { describeTable } from '../aws/table-facts.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { placeOf } from '../config/tables.ts';
import { whatHappened } from '../failures/what-happened.ts';
import type { LeftoverStore, ObjectStore } from '../ports.ts';
import { statementsOf } from '../switching/fence-policy.ts';
import { countUndecidedIn } from '../switching/stranded.ts';
import { counted } from '../text/number-text.ts';

export interface FenceLeft {
  /** "us-east-1/Orders" */
  readonly table: string;
  /** Those of Ferry, such as FerryFence. */
  readonly statements: readonly string[];
  /** Why the policy could not be read; null where it was. */
  readonly problem: string | null;
}

/** @returns the tables with a statement of Ferry's, and those whose policy cannot be read. */
export async function fencesLeft(
  { source, destination, switching }: ReplicationConfig,
  sides: Sides,
): Promise<FenceLeft[]> {
  if (switching?.fence !== 'policy') return [];
  const found: FenceLeft[] = [];
  for (const [at, access] of [
    [source, sides.source],
    [destination, sides.destination],
  ] as const)
    found.push(await fenceLeft(placeOf(at), access, at.table));
  return found.filter(({ statements, problem }) => statements.length > 0 || problem !== null);
}

async function fenceLeft(table: string, access: Access, name: string): Promise<FenceLeft> {
  const client = readClient(access);
  try {
    const facts = await describeTable(access, name);
    if (facts === undefined || facts.status === 'DELETING')
      return { table, statements: [], problem: null };
    const { policy } = await tablePolicy(client, facts.arn).read();
    return { table, statements: statementsOf(policy, facts.arn), problem: null };
  } catch (error) {
    return { table, statements: [], problem: whatHappened(error) };
  } finally {
    client.destroy();
  }
}

/** @param bucketOf by its name. */
export function withUndecided(
  store: LeftoverStore,
  replication: string,
  bucketOf: (name: string) => ObjectStore,
): LeftoverStore {
  return {
    ...store,
    async find(leftover) {
      const found = await store.find(leftover);
      if (leftover.kind !== 'bucket' || found?.holds === undefined) return found;
      const undecided = await undecidedText({ bucket: bucketOf(leftover.name), replication });
      return { ...found, holds: `${found.holds}${undecided}` };
    },
  };
}

async function undecidedText(kept: Parameters<typeof countUndecidedIn>[0]): Promise<string> {
  try {
    const count = await countUndecidedIn(kept);
    return count === 0 ? '' : `, with ${counted(count, 'stranded write')} to decide on`;
  } catch (error) {
    return `, and stranded writes that cannot be read (${whatHappened(error)})`;
  }
}
