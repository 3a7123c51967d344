// Findings about tables that are replicas of global tables. DescribeTable lists the replicas of version 2019.11.21; what
// version 2017.11.29 adds to items shows in the sample.

import { type Check, error, type Finding, nameOf, note, type Pair, warning } from './finding.ts';
import type { TableFacts } from '../model/table-facts.ts';

export const REPLICA_CHECKS: readonly Check[] = [
  oneGlobalTable,
  sourceReplica,
  destinationReplica,
  strongDestination,
  legacyAttributes,
];

/** A write to one replica appears in the stream of the other, and would be replicated again without end. */
function oneGlobalTable({ source, destination }: Pair): Finding[] {
  if (!areReplicas(source, destination)) return [];
  return error(
    'global-table',
    `${nameOf(source)} and ${nameOf(destination)} are replicas of one global table.`,
    'DynamoDB already replicates them, and Ferry would replicate its own writes. Name another destination.',
  );
}

function areReplicas(source: TableFacts, destination: TableFacts): boolean {
  return (
    source.table === destination.table &&
    (source.replicaRegions.includes(destination.region) ||
      destination.replicaRegions.includes(source.region))
  );
}

function sourceReplica({ source, destination }: Pair): Finding[] {
  const others = otherReplicas(source);
  if (others === undefined || areReplicas(source, destination)) return [];
  const says = `${nameOf(source)} is a replica of a global table, as are those in ${others}.`;
  if (source.isStronglyConsistent === true)
    return note('source-replica', says, 'Its stream has the writes of all Regions.');
  return warning(
    'source-replica',
    says,
    'Its stream has the writes of all Regions. Deletes by the TTL of another Region look like deletes by an application, so "ttlDeletes": "skip" does not skip them. DynamoDB itself reads the stream of a replica, and AWS recommends only one other reader: let nothing but Ferry read it.',
  );
}

function destinationReplica({ source, destination, bothWays }: Pair): Finding[] {
  const writers = bothWays
    ? 'let applications write to this replica only'
    : 'let no application write to any replica';
  const others = otherReplicas(destination);
  if (others === undefined || areReplicas(source, destination)) return [];
  if (destination.isStronglyConsistent === true) return [];
  return warning(
    'destination-replica',
    `${nameOf(destination)} is a replica of a global table, as are those in ${others}.`,
    `DynamoDB replicates what Ferry writes to the other Regions, at the price of writes there. A write of another Region can replace what Ferry has written: ${writers}.`,
  );
}

/** Late inserts and copies are transactions, which DynamoDB refuses there. */
function strongDestination({ destination }: Pair): Finding[] {
  if (destination.isStronglyConsistent !== true) return [];
  return error(
    'strong-destination',
    `${nameOf(destination)} is a global table with multi-Region strong consistency.`,
    'DynamoDB refuses transactions on such a table. Ferry could not write late inserts, and backfill, redrive and repair could not work. Name a destination that is a table of one Region, or a global table with eventual consistency.',
  );
}

function legacyAttributes({ source, sample }: Pair): Finding[] {
  const names = new Set(sample.flatMap((item) => Object.keys(item)));
  const legacy = [...names].filter((name) => name.startsWith('aws:rep:'));
  if (legacy.length === 0) return [];
  return warning(
    'replica-attributes',
    `Items of ${nameOf(source)} have ${legacy.toSorted().join(', ')}, which global tables of version 2017.11.29 write.`,
    'Ferry copies these attributes like any other. In that version, DynamoDB writes them to each item after a write, so the stream has more records than there are writes. If the table still is a replica, upgrade it to version 2019.11.21 first.',
  );
}

/** Undefined for a table of one Region. */
function otherReplicas({ region, replicaRegions }: TableFacts): string | undefined {
  const others = replicaRegions.filter((other) => other !== region);
  return others.length === 0 ? undefined : others.join(' and ');
}
