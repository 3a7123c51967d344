// Values -> the XML of an answer. Whatever characters a key holds, the document stays readable.

/** What has a meaning of its own in XML, is changed by readers of XML, or must not stand in it. */
const SPECIAL_CHARACTER = /[&<>"\p{Cc}\u2028\uFFFE\uFFFF]/gu;

const NAMED: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

/** A document with `root` as its only element, as bytes. */
export function xmlDocument(root: string): Buffer {
  return Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${root}`);
}

/** An element with elements in it. */
export function parent(name: string, children: readonly string[], attributes = ''): string {
  return `<${name}${attributes}>${children.join('')}</${name}>`;
}

/** An element with a text in it. */
export function leaf(name: string, value: string | number | boolean): string {
  return `<${name}>${escapeText(String(value))}</${name}>`;
}

/** XML 1.0 has no way to write control characters; the service writes references all the same. */
function escapeText(text: string): string {
  return text.replaceAll(
    SPECIAL_CHARACTER,
    (character) => NAMED[character] ?? `&#x${character.charCodeAt(0).toString(16)};`,
  );
}
