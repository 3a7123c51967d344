// The options of the plug-in, checked once when it is made.

import type { Origin } from '../model/rules.ts';
import { StampError } from './stamp-error.ts';

export interface FerryStampOptions {
  /** `twoWay.epoch` of the configuration. */
  readonly epoch: number;
  /** The side that this client writes to, as the configuration names it. */
  readonly origin: 'source' | 'destination';
  /** Tables whose writes are stamped, by name or ARN. Requests for other tables pass as they are. */
  readonly tables: readonly string[];
  /** `reservedAttribute` of the configuration. @default '_ferry' */
  readonly reservedAttribute?: string | undefined;
  /** Epoch milliseconds. With it, this plug-in has a clock of its own. @default the clock of the process */
  readonly now?: (() => number) | undefined;
  /** At least 0, and below 1. With it, this plug-in has a clock of its own. @default Math.random */
  readonly random?: (() => number) | undefined;
}

export interface StampSettings {
  readonly epoch: number;
  readonly origin: Origin;
  readonly tables: readonly string[];
  readonly reservedAttribute: string;
  readonly isStamped: (table: string | undefined) => boolean;
}

const ORIGINS = { source: 1, destination: 2 } as const;
const EPOCH_MAX = 9_999;

/** @throws StampError that names all that is wrong. */
export function stampSettings(options: FerryStampOptions): StampSettings {
  const { epoch, origin, tables, reservedAttribute = '_ferry' } = options;
  const isTables =
    Array.isArray(tables) && tables.length > 0 && tables.every((table) => isText(table));
  const problems = [
    Number.isInteger(epoch) && epoch >= 1 && epoch <= EPOCH_MAX
      ? []
      : [`epoch must be a whole number from 1 to ${EPOCH_MAX}, got ${shown(epoch)}`],
    Object.hasOwn(ORIGINS, origin)
      ? []
      : [`origin must be "source" or "destination", got ${shown(origin)}`],
    isTables ? [] : [`tables must be a list of names or ARNs, got ${shown(tables)}`],
    isText(reservedAttribute)
      ? []
      : [`reservedAttribute must be a name, got ${shown(reservedAttribute)}`],
  ].flat();
  if (problems.length > 0)
    throw new StampError(problems.join('; '), {
      code: 'stamp.options',
      hint: 'Give the plug-in what ferry.json has: `twoWay.epoch`, the side, and the table of this Region.',
    });
  return {
    epoch,
    origin: ORIGINS[origin],
    tables: [...tables].toSorted(),
    reservedAttribute,
    isStamped: tableMatcher(tables),
  };
}

const isText = (value: unknown) => typeof value === 'string' && value !== '';
const shown = (value: unknown) => JSON.stringify(value) ?? String(value);

/**
 * A name of the options also stands for the ARNs of tables with that name. An ARN also stands for the name alone, which a
 * request uses for a table of its own account and Region.
 */
function tableMatcher(tables: readonly string[]): (table: string | undefined) => boolean {
  const all = new Set(tables.flatMap((table) => [table, tableName(table)]));
  const named = new Set(tables.filter((table) => !isArn(table)));
  return (table) =>
    table !== undefined && (all.has(table) || (isArn(table) && named.has(tableName(table))));
}

const isArn = (table: string) => table.startsWith('arn:');

export function tableName(table: string): string {
  return isArn(table) ? (/:table\/([^/]+)/.exec(table)?.[1] ?? table) : table;
}
