// The two forms in which clients take values: DynamoDB's typed ones, and the plain ones of a document client.

/** `typed`: { S: 'a' }. `plain`: 'a'. */
export type ValueForm = 'typed' | 'plain';

export type Values = Readonly<Record<string, unknown>>;

const TYPES = new Set(['S', 'N', 'B', 'SS', 'NS', 'BS', 'M', 'L', 'BOOL', 'NULL']);

/**
 * The form of an item or a key. Both hold key attributes, which are texts, numbers or bytes: of a document client, at least
 * one value is not an object with the name of a type.
 */
export function formOf(values: Values): ValueForm {
  return Object.values(values).every((value) => value === undefined || isTyped(value))
    ? 'typed'
    : 'plain';
}

function isTyped(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const names = Object.keys(value);
  return names.length > 0 && names.every((name) => TYPES.has(name));
}

export function textIn(form: ValueForm, text: string): unknown {
  return form === 'typed' ? { S: text } : text;
}

/** What a client writes as the reserved attribute: the version, and nothing else. */
export function reservedIn(form: ValueForm, version: string): unknown {
  return form === 'typed' ? { M: { v: { S: version } } } : { v: version };
}
