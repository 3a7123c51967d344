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
  for (const value of Object.values(values))
    if (value !== undefined && !isTyped(value)) return 'plain';
  return 'typed';
}

/** A loop, because this runs for each value of each write: a function for each took half as long again. */
function isTyped(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const names = Object.keys(value);
  for (const name of names) if (!TYPES.has(name)) return false;
  return names.length > 0;
}

export function textIn(form: ValueForm, text: string): unknown {
  return form === 'typed' ? { S: text } : text;
}

/** What a client writes as the reserved attribute: the version, and nothing else. */
export function reservedIn(form: ValueForm, version: string): unknown {
  return form === 'typed' ? { M: { v: { S: version } } } : { v: version };
}
