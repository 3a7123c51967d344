// A table's keys, indexes and expiry -> the use of Ferry's construct that creates its twin, for other people's apps.

import manifest from '../../package.json' with { type: 'json' };
import type { KeyAttribute } from '../config/schema.ts';
import type { IndexFacts, TableFacts } from '../model/table-facts.ts';

const TYPES = { S: 'STRING', N: 'NUMBER', B: 'BINARY' } as const;

/**
 * TypeScript that needs only a construct called `this` around it.
 * @param name of the replication.
 */
export function twinConstruct(
  source: TableFacts,
  { region, table }: Pick<TableFacts, 'region' | 'table'>,
  name: string,
): string {
  const { timeToLiveAttribute: expiry, indexes, keys } = source;
  const types = indexes.length === 0 ? 'AttributeType' : 'AttributeType, ProjectionType';
  return [
    `import { ${types} } from 'aws-cdk-lib/aws-dynamodb';`,
    `import { ReplicationDestination } from '${manifest.name}';`,
    '',
    `// For a stack in ${region}. It also creates Ferry's state table ferry-${name}-state.`,
    `// Pass it as "destination" to a Replication in the stack of ${source.region}.`,
    '// If you deploy a ferry.json instead, set "stateTable" to another name there.',
    `const destination = new ReplicationDestination(this, ${text(name)}, {`,
    ...[
      `tableName: ${text(table)},`,
      ...keyLines(keys),
      ...(expiry === undefined ? [] : [`timeToLiveAttribute: ${text(expiry)},`]),
    ].map(indent),
    '});',
    ...indexes.flatMap(indexLines),
  ].join('\n');
}

function indexLines(index: IndexFacts): string[] {
  const { local, keys, projection, included } = index;
  return [
    `destination.twin?.add${local ? 'Local' : 'Global'}SecondaryIndex({`,
    ...[
      `indexName: ${text(index.name)},`,
      ...(local ? sortKeyLine(keys) : globalKeyLines(index)),
      `projectionType: ProjectionType.${projection},`,
      ...(projection === 'INCLUDE'
        ? [`nonKeyAttributes: [${included.map(text).join(', ')}],`]
        : []),
    ].map(indent),
    '});',
  ];
}

function keyLines(keys: readonly KeyAttribute[]): string[] {
  const [partition] = keys;
  if (partition === undefined) return [];
  return [`partitionKey: ${attribute(partition)},`, ...sortKeyLine(keys)];
}

function sortKeyLine([, sort]: readonly KeyAttribute[]): string[] {
  return sort === undefined ? [] : [`sortKey: ${attribute(sort)},`];
}

/** A key of several attributes has properties of its own. */
function globalKeyLines({ keys, partitionKeys }: IndexFacts): string[] {
  if (partitionKeys === 1 && keys.length <= 2) return keyLines(keys);
  const list = (attributes: readonly KeyAttribute[]) => attributes.map(attribute).join(', ');
  const sortKeys = keys.slice(partitionKeys);
  return [
    `partitionKeys: [${list(keys.slice(0, partitionKeys))}],`,
    ...(sortKeys.length === 0 ? [] : [`sortKeys: [${list(sortKeys)}],`]),
  ];
}

function attribute({ name, type }: KeyAttribute): string {
  return `{ name: ${text(name)}, type: AttributeType.${TYPES[type]} }`;
}

function text(value: string): string {
  return JSON.stringify(value);
}

function indent(line: string): string {
  return `  ${line}`;
}
