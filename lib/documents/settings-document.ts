// ferry.schema.json and what a change does -> the tables of docs/settings.md.

import { SCHEMA } from '../../src/config/schema.ts';
import { SETTING_CHANGES } from './setting-changes.ts';

/** The part of JSON Schema that ferry.schema.json uses. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly description?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
}

interface Setting {
  /** As in `source.table`. */
  readonly path: string;
  readonly schema: Schema;
  readonly isRequired: boolean;
}

const { properties: OF_FILE = {}, definitions: DEFINITIONS } = SCHEMA as Schema & {
  readonly definitions: Readonly<Record<string, Schema>>;
};
/** Described as a whole. */
const WHOLES = new Set(['defaults', 'partitionKey', 'sortKey', 'key', 'keepItems', 'hash']);

/** Every setting of a file, with those of a replication as if they were its own. */
export function allSettings(): Setting[] {
  const { replications: _, ...beside } = OF_FILE;
  return [
    ...settingsOf({ properties: beside }, ''),
    ...settingsOf(DEFINITIONS['replication'] ?? {}, ''),
  ];
}

function settingsOf({ properties = {}, required = [] }: Schema, prefix: string): Setting[] {
  return Object.entries(properties).flatMap(([name, part]) => {
    const path = `${prefix}${name}`;
    const full = resolved(part);
    if (full.properties !== undefined && !WHOLES.has(name)) return settingsOf(full, `${path}.`);
    return { path, schema: full, isRequired: required.includes(name) };
  });
}

function resolved({ $ref, ...beside }: Schema): Schema {
  if ($ref === undefined) return beside;
  return { ...DEFINITIONS[$ref.replace('#/definitions/', '')], ...beside };
}

/** One table for each object of the configuration. */
export function settingsTables(): string {
  const settings = allSettings();
  const objects = new Set(settings.map(objectOf));
  return [...objects]
    .map((object) => {
      const heading = object === '' ? 'The replication' : `\`${object}\``;
      const rows = settings.filter((setting) => objectOf(setting) === object).map(row);
      return [`### ${heading}`, '', HEAD, '|---|---|---|---|', ...rows, ''].join('\n');
    })
    .join('\n');
}

function objectOf({ path }: Setting): string {
  return path.split('.').slice(0, -1).join('.');
}

const HEAD = '| setting | values | meaning | if it changes |';

function row({ path, schema: part, isRequired }: Setting): string {
  const change = SETTING_CHANGES[path];
  if (change === undefined) throw new Error(`${path} is missing in setting-changes.ts.`);
  const cells = [
    `\`${path.split('.').at(-1)}\`${isRequired ? ', required' : ''}`,
    valuesOf(part),
    part.description ?? '',
    change,
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function valuesOf(part: Schema): string {
  const { minimum, maximum, enum: choices, default: usual } = part;
  const value = (one: unknown) => `\`${JSON.stringify(one)}\``;
  const range =
    choices?.map(value).join(', ') ??
    (minimum === undefined ? typeOf(part) : `${minimum} to ${maximum}`);
  return usual === undefined ? range : `${range}; default ${value(usual)}`;
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  boolean: '`true`, `false`',
  object: 'object',
  array: 'list',
};

function typeOf({ type = [] }: Schema): string {
  return [type]
    .flat()
    .map((one) => TYPES[one])
    .join(' or ');
}
