// Values that only a deployment knows, replaced by others of their form, so that every rule of a configuration can
// be checked.

import { Token } from 'aws-cdk-lib';
import { partitionOf } from '../src/config/partition.ts';

interface Side {
  readonly region: string;
  readonly table: string;
  readonly [setting: string]: string | undefined | number | boolean | object;
}

/** What a replication in a configuration file holds. */
export interface Settings {
  readonly source: Side;
  readonly destination: Side;
  readonly encryption?: object;
  readonly [setting: string]: unknown;
}

export class StandIns {
  readonly #tokens = new Map<string, string>();

  /** A copy without tokens, and without what is undefined. */
  of(settings: Settings): object {
    const tokens = this.#tokens;
    const { encryption } = settings;
    const near = beginningOf(settings);
    const [source, destination] = [
      { ...settings.source, near },
      { ...settings.destination, near },
    ];
    const text = JSON.stringify(settings, function (this: object, name: string, value: unknown) {
      if (typeof value !== 'string' || value === 'none') return value;
      const isOfState = this === encryption && name === 'stateTable';
      const side = this === settings.destination || isOfState ? destination : source;
      const isKey = this === encryption || /kmsKeyArn$/i.test(name);
      // A key is in the Region of what it encrypts: with a stand-in for one, the other needs one, too.
      if (![value, isKey ? side.region : ''].some(Token.isUnresolved)) return value;
      const standIn = isKey ? keyIn(side, tokens.size) : formOf(name, value, side);
      tokens.set(standIn, value);
      return standIn;
    });
    return JSON.parse(text) as object;
  }

  /** A copy of `value` with the tokens again, also in names that are made of them. */
  undo<T>(value: T): T {
    const longestFirst = [...this.#tokens].toSorted(([a], [b]) => b.length - a.length);
    let text = JSON.stringify(value);
    for (const [standIn, token] of longestFirst) text = text.replaceAll(standIn, token);
    return JSON.parse(text) as T;
  }
}

/** Where only a deployment knows a Region, it is taken to be in the partition of the other one. */
function beginningOf({ source, destination }: Settings): string {
  const known = [source, destination].find(({ region }) => !Token.isUnresolved(region));
  return known === undefined ? 'xx' : known.region.split('-').slice(0, -2).join('-');
}

type NearSide = Side & { readonly near: string };

function formOf(name: string, value: string, side: NearSide): string {
  if (name === 'region') return regionIn(side);
  if (name === 'kinesisStreamArn') return `${arnIn('kinesis', side)}:stream/${tableIn(value)}`;
  return name === 'streamArn'
    ? `${arnIn('dynamodb', side)}:table/${tableIn(side.table)}/stream/token`
    : tableIn(value);
}

function keyIn(side: NearSide, count: number): string {
  return `${arnIn('kms', side)}:key/00000000-0000-0000-0000-${String(count).padStart(12, '0')}`;
}

function arnIn(service: string, side: NearSide): string {
  const region = regionIn(side);
  return `arn:${partitionOf(region).name}:${service}:${region}:000000000000`;
}

function regionIn({ region, near }: NearSide): string {
  return Token.isUnresolved(region) ? `${near}-token-${region.replaceAll(/\D/g, '')}` : region;
}

function tableIn(table: string): string {
  return Token.isUnresolved(table) ? `token${table.toLowerCase().replaceAll(/\W+/g, '-')}` : table;
}
