// Where `ferry init` looks: what its operands name, and how both sides are reached.

import type { Sides } from '../aws/access.ts';
import { profileAccess } from '../composition/operator-access.ts';
import { isOtherPartition } from '../config/accounts.ts';
import { regionDoubts } from '../config/regions.ts';
import type { FileDefaults, Reach, Side } from '../init/entry.ts';
import { wrongOption } from './arguments.ts';
import type { ParsedOptions } from './command.ts';
import { endpoint } from './local-setup.ts';
import type { Io } from './output.ts';

export interface NamedTable {
  readonly region: string;
  readonly table: string;
}

/** How the tables of a side are reached. */
interface Place extends Reach {
  readonly region: string;
  readonly endpoint?: string;
}

export type Places = Readonly<Record<Side, Place>>;

const REGION = /^[a-z]{2,4}(?:-[a-z]+)+-\d+$/;
export const EXAMPLES =
  "For example: ferry init us-east-1/Orders eu-west-1/Orders. Or, for all tables: ferry init --all us-east-1 eu-west-1 --match 'prod-*'.";

/** us-east-1/Orders */
export function tableAt(side: Side, options: ParsedOptions): NamedTable {
  const text = operandOf(side, options);
  const [, region, table] = /^(.+)\/([a-zA-Z0-9_.-]{3,255})$/.exec(text) ?? [];
  if (region !== undefined && REGION.test(region) && table !== undefined) return { region, table };
  throw wrongOption(`The ${side} must be a Region and a table, got "${text}".`, EXAMPLES);
}

/** us-east-1 */
export function regionAt(side: Side, options: ParsedOptions): { readonly region: string } {
  const region = operandOf(side, options);
  if (REGION.test(region)) return { region };
  throw wrongOption(`With --all, the ${side} must be a Region, got "${region}".`, EXAMPLES);
}

function operandOf(side: Side, options: ParsedOptions): string {
  return options.operand(side === 'source' ? 'SOURCE' : 'DESTINATION');
}

/** Warns of Regions that may be mistyped. */
export function placesOf(
  sides: Readonly<Record<Side, { readonly region: string }>>,
  defaults: FileDefaults,
  { options, io }: { readonly options: ParsedOptions; readonly io: Io },
): Places {
  const placeOf = (side: Side): Place => {
    const url = endpoint(`${side}-endpoint`, options) ?? defaults[side]?.endpoint;
    const profile = options.text(`${side}-profile`) ?? defaults[side]?.profile;
    const secret = side === 'destination' ? options.text('destination-secret') : undefined;
    return {
      region: sides[side].region,
      ...(url !== undefined && { endpoint: url }),
      ...(profile !== undefined && { profile }),
      ...(secret !== undefined && { credentials: { secret } }),
    };
  };
  const places = { source: placeOf('source'), destination: placeOf('destination') };
  for (const doubt of regionDoubts(places)) io.err(`Warning: ${doubt}`);
  return places;
}

/** @throws UsageError where the file would lack the secret for another partition; an emulator has none. */
export function requireSecret(places: Places, defaults: FileDefaults): void {
  const { source, destination } = places;
  const isReached = destination.endpoint !== undefined || destination.credentials !== undefined;
  if (isReached || defaults.destination?.credentials !== undefined) return;
  if (!isOtherPartition(places)) return;
  throw wrongOption(
    `${destination.region} is in another partition than ${source.region}: give --destination-secret.`,
    `It is the ARN of a Secrets Manager secret in ${source.region} with access keys for ${destination.region}. docs/accounts.md says what it holds.`,
  );
}

export function sidesAt({ source, destination }: Places): Sides {
  return {
    source: profileAccess(source, source.profile),
    destination: profileAccess(destination, destination.profile),
  };
}
