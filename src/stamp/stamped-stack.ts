// Whether a client has the plug-in: found in the names of its middleware. Of a client that is too old for its document
// client, @aws-sdk/lib-dynamodb makes another one, without plug-ins, and warns at the most.

import type { ClientStack } from './client-stack.ts';
import { tableName } from './options.ts';
import { StampError } from './stamp-error.ts';

const NAME = 'ferryStamp';
const SEPARATOR = ',';

/** The name of the middleware: two of them in a client are for different tables. */
export function noteStamped(tables: readonly string[]): string {
  return `${NAME}:${tables.join(SEPARATOR)}`;
}

/** The tables of each plug-in in the stack. */
function stampedTables(stack: Pick<ClientStack, 'identify'>): ReadonlyArray<readonly string[]> {
  return stack.identify().flatMap((entry) => {
    const [name = ''] = entry.split(' ');
    const isBatch = entry.includes('(batch)') || entry.includes('(answer)');
    if (isBatch || !name.startsWith(`${NAME}:`)) return [];
    return [name.slice(NAME.length + 1).split(SEPARATOR)];
  });
}

/** @throws StampError where the plug-in would not see all writes, or would see them twice. */
export function refuseStack(stack: ClientStack, tables: readonly string[]): void {
  if (!stack.identify().some((entry) => entry.startsWith('serializerMiddleware'))) throw tooOld();
  const others = stampedTables(stack).filter((other) => other.join() !== tables.join());
  const names = new Set(tables.map(tableName));
  const twice = others.flat().find((table) => names.has(tableName(table)));
  if (twice !== undefined)
    throw new StampError(`The client has a plug-in for the table "${twice}" already`, {
      code: 'stamp.twice',
      hint: 'Use one plug-in with all tables of a replication, or different tables in each.',
    });
}

function tooOld(): StampError {
  return new StampError(
    'The client is older than @aws-sdk/client-dynamodb 3.940.0, and a document client that is newer would replace it without its plug-ins',
    {
      code: 'stamp.client-version',
      hint: 'Upgrade @aws-sdk/client-dynamodb and @aws-sdk/lib-dynamodb to the same version. `npm ls @aws-sdk/client-dynamodb` prints what is installed.',
    },
  );
}

/**
 * To be called at start, with each client or document client that writes.
 * @throws StampError where the writes of the tables are not stamped; without tables, where none are.
 */
export function assertStamped(
  client: { readonly middlewareStack: Pick<ClientStack, 'identify'> },
  tables: readonly string[] = [],
): void {
  const found = stampedTables(client.middlewareStack).flat();
  const missing = tables.filter(
    (table) => !found.includes(table) && !found.map(tableName).includes(tableName(table)),
  );
  if (found.length > 0 && missing.length === 0) return;
  const what = missing.length > 0 ? `writes of ${missing.join(', ')}` : 'writes';
  throw new StampError(`The client does not stamp ${what}`, {
    code: 'stamp.missing',
    hint: 'Add the plug-in with `client.middlewareStack.use(ferryStamp(…))`. A document client whose version differs from that of its client may have replaced it: install the same version of @aws-sdk/client-dynamodb and @aws-sdk/lib-dynamodb.',
  });
}
