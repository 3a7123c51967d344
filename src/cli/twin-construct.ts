// A table's keys, indexes and expiry -> the CDK code of a twin, for people to put into an app of their own.

import type { KeyAttribute } from '../config/schema.ts';
import type { IndexFacts, TableFacts } from '../model/table-facts.ts';

const TYPES = { S: 'STRING', N: 'NUMBER', B: 'BINARY' } as const;

/** TypeScript that needs nothing but a construct called `this` around it. */
export function twinConstruct(
  source: TableFacts,
  twin: Pick<TableFacts, 'region' | 'table'>,
): string {
  const globals = source.indexes.filter(({ local }) => !local);
  const locals = source.indexes.filter(({ local }) => local);
  const props = [
    `tableName: ${text(twin.table)},`,
    ...keyLines(source.keys),
    ...(source.timeToLiveAttribute === undefined
      ? []
      : [`timeToLiveAttribute: ${text(source.timeToLiveAttribute)},`]),
    'billing: Billing.onDemand(),',
    'encryption: TableEncryptionV2.awsManagedKey(),',
    'pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },',
    'deletionProtection: true,',
    'removalPolicy: RemovalPolicy.RETAIN,',
    ...indexLines('globalSecondaryIndexes', globals, globalKeyLines),
    ...indexLines('localSecondaryIndexes', locals, ({ keys }) => sortKeyLine(keys)),
  ];
  const isProjected = source.indexes.length > 0;
  return [
    "import { RemovalPolicy } from 'aws-cdk-lib';",
    `import { AttributeType, Billing,${isProjected ? ' ProjectionType,' : ''} TableEncryptionV2, TableV2 } from 'aws-cdk-lib/aws-dynamodb';`,
    '',
    `// For a stack in ${twin.region}.`,
    "new TableV2(this, 'Twin', {",
    ...props.map((line) => `  ${line}`),
    '});',
  ].join('\n');
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

function indexLines(
  property: string,
  indexes: readonly IndexFacts[],
  keyLinesOf: (index: IndexFacts) => string[],
): string[] {
  if (indexes.length === 0) return [];
  const entries = indexes.flatMap((index) => [
    '  {',
    ...[`indexName: ${text(index.name)},`, ...keyLinesOf(index), ...projectionLines(index)].map(
      (line) => `    ${line}`,
    ),
    '  },',
  ]);
  return [`${property}: [`, ...entries, '],'];
}

function projectionLines({ projection, included }: IndexFacts): string[] {
  return [
    `projectionType: ProjectionType.${projection},`,
    ...(projection === 'INCLUDE' ? [`nonKeyAttributes: [${included.map(text).join(', ')}],`] : []),
  ];
}

function attribute({ name, type }: KeyAttribute): string {
  return `{ name: ${text(name)}, type: AttributeType.${TYPES[type]} }`;
}

function text(value: string): string {
  return JSON.stringify(value);
}
