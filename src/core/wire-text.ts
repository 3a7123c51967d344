// Requests as DynamoDB's JSON, bytes as base64 text. Several times faster than JSON.stringify with a replacer,
// which would be asked about every single value.

/** A value of which only plain objects, arrays, texts, numbers, booleans, null and bytes are part. */
export function wireText(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'object' && value !== null) return structureText(value);
  if (typeof value === 'boolean' || typeof value === 'number' || value === null)
    return String(value);
  throw new TypeError(`${typeof value} has no place in a request`);
}

function structureText(value: object): string {
  if (Array.isArray(value)) return `[${value.map(wireText).join(',')}]`;
  if (value instanceof Uint8Array) return `"${base64(value)}"`;
  return objectText(value as Readonly<Record<string, unknown>>);
}

function objectText(object: Readonly<Record<string, unknown>>): string {
  let text = '';
  for (const name of Object.keys(object)) {
    const value = object[name];
    if (value === undefined) continue;
    text += `${text === '' ? '{' : ','}${nameText(name)}:${wireText(value)}`;
  }
  return text === '' ? '{}' : `${text}}`;
}

/** Names come again with every item; what is remembered of them is bounded. */
const NAMES_MAX = 10_000;
const NAME_LENGTH_MAX = 64;
const names = new Map<string, string>();

function nameText(name: string): string {
  const known = names.get(name);
  if (known !== undefined) return known;
  const text = JSON.stringify(name);
  if (names.size < NAMES_MAX && name.length <= NAME_LENGTH_MAX) names.set(name, text);
  return text;
}

function base64({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}
