// The answers of many puts, added up to the answer of one batch.

export interface BatchFigures {
  readonly UnprocessedItems?: Readonly<Record<string, readonly unknown[]>> | undefined;
  readonly ConsumedCapacity?: readonly Capacity[] | undefined;
  readonly ItemCollectionMetrics?: Readonly<Record<string, readonly unknown[]>> | undefined;
}

interface Capacity {
  readonly TableName?: string | undefined;
}

/** Of answers to requests that the service has carried out. */
export function addFigures(all: readonly BatchFigures[]): BatchFigures {
  const [first = {}] = all;
  const capacity = all.flatMap(({ ConsumedCapacity = [] }) => ConsumedCapacity);
  const metrics = all.flatMap(({ ItemCollectionMetrics = {} }) =>
    Object.entries(ItemCollectionMetrics),
  );
  return {
    ...first,
    ...(capacity.length > 0 && { ConsumedCapacity: byTable(capacity) }),
    ...(metrics.length > 0 && { ItemCollectionMetrics: joined(metrics) }),
  };
}

function byTable(capacity: readonly Capacity[]): readonly Capacity[] {
  const sums = new Map<string | undefined, Capacity>();
  for (const one of capacity) {
    const { TableName } = one;
    sums.set(TableName, sum(sums.get(TableName), one) as Capacity);
  }
  return [...sums.values()];
}

/** Numbers are added, also those of indexes; what is not a number stays. */
function sum(one: unknown, other: unknown): unknown {
  if (one === undefined || other === undefined) return one ?? other;
  if (typeof one === 'number' && typeof other === 'number') return one + other;
  if (typeof one !== 'object' || typeof other !== 'object') return one;
  const [left, right] = [one, other] as Array<Readonly<Record<string, unknown>>>;
  const names = new Set([...Object.keys(left ?? {}), ...Object.keys(right ?? {})]);
  return Object.fromEntries([...names].map((name) => [name, sum(left?.[name], right?.[name])]));
}

function joined(metrics: ReadonlyArray<readonly [string, readonly unknown[]]>) {
  const tables: Record<string, unknown[]> = {};
  for (const [table, rows] of metrics) tables[table] = [...(tables[table] ?? []), ...rows];
  return tables;
}

const THROTTLES = new Set([
  'InternalServerError',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'Throttling',
  'ThrottlingException',
]);

/** The service returns such a put of a batch as unprocessed. */
export function isThrottled(error: unknown): boolean {
  return error instanceof Error && THROTTLES.has(error.name);
}
