// The text of a JSON file -> its value, or what is wrong with it, and where: line, column and the line itself.
// JSON.parse decides; this only finds words for what it refuses, and names that are given twice.

import { isExactNumber } from './decimal.ts';

/** What keeps a file from being read as JSON. The message has line and column, where there is a place. */
export class JsonProblem extends Error {
  override readonly name = 'JsonProblem';
  /** The line, and below it a mark at the column; empty where there is no place. */
  readonly excerpt: string;

  constructor(message: string, excerpt = '') {
    super(message);
    this.excerpt = excerpt;
  }
}

/**
 * The bytes of a JSON file as text.
 * @throws JsonProblem where they are not UTF-8, or begin with a byte order mark.
 */
export function jsonText(bytes: Uint8Array): string {
  const [first, second, third] = bytes;
  if (first === 0xef && second === 0xbb && third === 0xbf)
    throw new JsonProblem(
      'it begins with a byte order mark (the bytes EF BB BF): save it as UTF-8 without one',
    );
  const isUtf16 =
    (first === 0xff && second === 0xfe) ||
    (first === 0xfe && second === 0xff) ||
    (bytes.length > 1 && (first === 0) !== (second === 0));
  if (isUtf16) throw new JsonProblem('it is in UTF-16: save it as UTF-8');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new JsonProblem('it is not text in UTF-8');
  }
}

/** @throws JsonProblem, also where a name is given twice: the first of them would be lost. */
export function parseJson(text: string): unknown {
  if (text.trim() === '') throw new JsonProblem('it is empty');
  let value: unknown;
  let refusal: string | undefined;
  try {
    value = JSON.parse(text);
  } catch (error) {
    refusal = (error as SyntaxError).message;
  }
  const fault = firstFault(text);
  if (fault !== undefined) throw atPlace(fault, text);
  if (refusal !== undefined) throw new JsonProblem(refusal);
  return value;
}

/**
 * Where the members of a sound JSON text are.
 * @returns the line of the member or element at a path, or of the nearest one around it; undefined where there is
 *   none, as in a text that is empty.
 */
export function linesOf(text: string): (path: readonly string[]) => number | undefined {
  const offsets = offsetsOf(text);
  return (path) => {
    for (let length = path.length; length > 0; length -= 1) {
      const offset = offsets.get(JSON.stringify(path.slice(0, length)));
      if (offset !== undefined) return placeOf(text, offset).line;
    }
    return undefined;
  };
}

function offsetsOf(text: string): ReadonlyMap<string, number> {
  const scan = new Scan(text);
  try {
    scan.document();
  } catch (error) {
    // What is too deep, or not sound, is refused elsewhere.
    if (!(error instanceof TooDeep) && !(error instanceof Misplaced)) throw error;
  }
  return scan.offsets;
}

function firstFault(text: string): Misplaced | undefined {
  try {
    new Scan(text).document();
  } catch (error) {
    if (error instanceof Misplaced) return error;
    if (!(error instanceof TooDeep)) throw error;
  }
  return undefined;
}

function atPlace({ message, offset }: Misplaced, text: string): JsonProblem {
  const { line, column } = placeOf(text, offset);
  return new JsonProblem(`line ${line}, column ${column}: ${message}`, excerptOf(text, offset));
}

function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split(END_OF_LINE);
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

const END_OF_LINE = /\r\n|\r|\n/;
/** Of a long line, what is beside the place. */
const EXCERPT_LENGTH = 60;

function excerptOf(text: string, offset: number): string {
  const { line, column } = placeOf(text, offset);
  const whole = text.split(END_OF_LINE)[line - 1] ?? '';
  const from = column <= EXCERPT_LENGTH ? 0 : column - EXCERPT_LENGTH / 2;
  // Tabs and the like have a width of their own.
  const shown = whole.slice(from, from + EXCERPT_LENGTH + 20).replaceAll(/\p{C}|\t/gu, ' ');
  return `${shown.trimEnd()}\n${' '.repeat(column - 1 - from)}^`;
}

class Misplaced extends Error {
  override readonly name = 'Misplaced';
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

class TooDeep extends Error {
  override readonly name = 'TooDeep';
}

/** What is deeper is left to JSON.parse: the stack has an end. */
const LEVELS_MAX = 500;

/** Up to its closing quote. Control characters are refused, but those that only Unicode has. */
const STRING = /"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})|[\u007F-\u009F])*/uy;
const WORD = /[^\s,:[\]{}"]*/y;
const QUOTED = /"[^"\r\n]{0,30}"?/y;

/** Goes through a document, and throws Misplaced at the first thing that is wrong. */
class Scan {
  /** Of each member and element, by its path as JSON. */
  readonly offsets = new Map<string, number>();
  readonly #path: string[] = [];
  readonly #text: string;
  #at = 0;
  #levels = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): void {
    this.#value();
    if (this.#next() !== '') throw this.#wrong(`nothing may follow the end, got ${this.#seen()}`);
  }

  #value(): void {
    const next = this.#next();
    if (next === '{') this.#members();
    else if (next === '[') this.#elements();
    else if (next === '"') this.#string();
    else this.#word();
  }

  #members(): void {
    const starts = new Map<string, number>();
    this.#list('}', () => {
      if (this.#next() !== '"') throw this.#wrong(this.#noName());
      const start = this.#at;
      const name = this.#string();
      this.#refuseTwice(name, starts.get(name), start);
      starts.set(name, start);
      if (this.#next() !== ':')
        throw this.#wrong(`expected ":" after "${name}", got ${this.#seen()}`);
      this.#at += 1;
      this.#valueOf(name, start);
    });
  }

  /** A value with its place in what is around it. */
  #valueOf(name: string, offset: number): void {
    this.#path.push(name);
    this.offsets.set(JSON.stringify(this.#path), offset);
    this.#value();
    this.#path.pop();
  }

  #refuseTwice(name: string, earlier: number | undefined, start: number): void {
    if (earlier === undefined) return;
    const { line } = placeOf(this.#text, earlier);
    throw new Misplaced(`"${name}" is given twice, first in line ${line}`, start);
  }

  #elements(): void {
    let index = 0;
    this.#list(']', () => {
      this.#next();
      this.#valueOf(String(index), this.#at);
      index += 1;
    });
  }

  /** From its opening bracket to its closing one. */
  #list(end: '}' | ']', member: () => void): void {
    const start = this.#at;
    this.#levels += 1;
    if (this.#levels > LEVELS_MAX) throw new TooDeep();
    this.#at += 1;
    let comma: number | undefined;
    for (;;) {
      const next = this.#next();
      if (next === '') throw this.#open(start);
      if (next === end) break;
      member();
      const after = this.#next();
      comma = after === ',' ? this.#at : undefined;
      if (after === '') throw this.#open(start);
      if (comma === undefined && after !== end) throw this.#wrong(this.#noComma(end));
      if (comma !== undefined) this.#at += 1;
    }
    if (comma !== undefined)
      throw new Misplaced(`no comma may stand before "${end}": remove it`, comma);
    this.#at += 1;
    this.#levels -= 1;
  }

  #string(): string {
    const start = this.#at;
    this.#at += this.#match(STRING).length;
    const next = this.#text[this.#at];
    if (next === '"') {
      this.#at += 1;
      return JSON.parse(this.#text.slice(start, this.#at)) as string;
    }
    if (next === '\\')
      throw this.#wrong(`"${this.#text.slice(this.#at, this.#at + 2)}" is no escape of JSON`);
    if (next === undefined || /[\r\n]/.test(next))
      throw new Misplaced('the text that begins here has no closing double quote', start);
    throw this.#wrong('a text must not contain a control character');
  }

  #word(): void {
    const word = this.#wordHere();
    if (!/^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$/.test(word))
      throw this.#wrong(this.#noValue(word));
    if (/\d/.test(word) && !isExactNumber(word))
      throw this.#wrong(
        `${word} would be read as ${Number(word)}: give a number of at most 15 significant digits`,
      );
    this.#at += word.length;
  }

  #noValue(word: string): string {
    if (this.#isQuote()) return `a text must be in double quotes ("), got ${this.#seen()}`;
    if (/^[-+.]?\d/.test(word)) return `${word} is not how JSON writes a number`;
    return this.#comment() ?? `expected a value, got ${this.#seen()}`;
  }

  #noName(): string {
    const comment = this.#comment();
    if (comment !== undefined) return comment;
    return this.#isQuote() || /^\w/.test(this.#wordHere())
      ? `a name must be in double quotes ("), got ${this.#seen()}`
      : `expected a name in double quotes ("), got ${this.#seen()}`;
  }

  #noComma(end: string): string {
    return /["{[\w-]/.test(this.#text[this.#at] ?? '')
      ? `a comma is missing before ${this.#seen()}`
      : (this.#comment() ?? `expected "," or "${end}", got ${this.#seen()}`);
  }

  #comment(): string | undefined {
    return /^(?:\/\/|\/\*|#)/.test(this.#text.slice(this.#at, this.#at + 2))
      ? 'JSON has no comments: remove it'
      : undefined;
  }

  #isQuote(): boolean {
    return /['`\u2018-\u201F]/.test(this.#text[this.#at] ?? '');
  }

  #open(start: number): Misplaced {
    return new Misplaced(
      `the text ends, but this "${this.#text[start]}" has not been closed`,
      start,
    );
  }

  #wrong(message: string): Misplaced {
    return new Misplaced(message, this.#at);
  }

  /** The next character that is not white space, without taking it; empty at the end. */
  #next(): string {
    while (/[ \t\r\n]/.test(this.#text[this.#at] ?? '')) this.#at += 1;
    return this.#text[this.#at] ?? '';
  }

  #wordHere(): string {
    return this.#match(WORD);
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text)?.[0] ?? '';
  }

  /** For a message. */
  #seen(): string {
    const { [this.#at]: first = '' } = this.#text;
    if (first === '') return 'the end of the text';
    if (first === '"') return this.#match(QUOTED);
    if (/\p{C}|\s/u.test(first)) {
      const code = this.#text.codePointAt(this.#at) ?? 0;
      return `the character U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
    }
    return `"${this.#wordHere().slice(0, 30) || first}"`;
  }
}
