// Values that only a deployment knows, replaced by others of their form, so that every rule of a configuration can
// be checked.

import { Token } from 'aws-cdk-lib';
import { partitionOf } from '../src/config/partition.ts';

interface TableSettings {
  readonly region: string;
  readonly table: string;
  readonly streamArn?: string | undefined;
  readonly kmsKeyArn?: string | undefined;
  readonly endpoint?: string | undefined;
}

/** What a replication in a configuration file holds, as far as a token can be in it. */
export interface Settings {
  readonly source: TableSettings;
  readonly destination: TableSettings;
  readonly stateTable?: string | undefined;
  readonly encryption?: Readonly<Record<string, string | undefined>>;
  readonly [setting: string]: unknown;
}

export class StandIns {
  readonly #tokens = new Map<string, string>();

  /** The same settings without a token, and without what is undefined. */
  of(settings: Settings): Settings {
    const { stateTable, encryption = {} } = settings;
    const destination = this.#table(settings.destination);
    const source = this.#table(settings.source);
    const keys = Object.entries(encryption).map(([name, keyArn]) => [
      name,
      this.#key(keyArn, name === 'stateTable' ? settings.destination : settings.source),
    ]);
    return withoutUndefined<Settings>({
      ...settings,
      source,
      destination,
      stateTable: stateTable && this.#name(stateTable),
      encryption: Object.fromEntries(keys) as Record<string, string | undefined>,
    });
  }

  /** A copy of `value` with the tokens again. */
  undo<T>(value: T): T {
    const text = JSON.stringify(value);
    return JSON.parse(text, (_, member: unknown) =>
      typeof member === 'string' ? (this.#tokens.get(member) ?? member) : member,
    ) as T;
  }

  #table({ region, table, streamArn, kmsKeyArn, ...others }: TableSettings): TableSettings {
    const name = this.#name(table);
    const place = `dynamodb:${this.#region(region)}:${ACCOUNT}`;
    return {
      ...others,
      region: this.#region(region),
      table: name,
      streamArn:
        streamArn &&
        this.#instead(
          streamArn,
          `arn:${partition(this.#region(region))}:${place}:table/${name}/stream/token`,
        ),
      kmsKeyArn: this.#key(kmsKeyArn, { region }),
    };
  }

  #name(token: string): string {
    return this.#instead(token, `token-${token.replaceAll(/\W+/g, '-')}`);
  }

  #region(token: string): string {
    return this.#instead(token, `xx-token-${token.replaceAll(/\D/g, '')}`);
  }

  /** A key is in the Region of what it encrypts: with a stand-in for one, the other needs one, too. */
  #key(keyArn: string | undefined, { region }: { readonly region: string }): string | undefined {
    if (keyArn === undefined || keyArn === 'none') return keyArn;
    const id = `00000000-0000-0000-0000-${String(this.#tokens.size).padStart(12, '0')}`;
    const place = this.#region(region);
    const standIn = `arn:${partition(place)}:kms:${place}:${ACCOUNT}:key/${id}`;
    return this.#instead(keyArn, standIn, [keyArn, region].some(Token.isUnresolved));
  }

  #instead(value: string, standIn: string, isUnresolved = Token.isUnresolved(value)): string {
    if (!isUnresolved) return value;
    this.#tokens.set(standIn, value);
    return standIn;
  }
}

const ACCOUNT = '000000000000';

function partition(region: string): string {
  return partitionOf(region).name;
}

function withoutUndefined<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
