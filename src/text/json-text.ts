// The text of a JSON file -> its value, or what is wrong with it, and where: line, column and the line itself.
// JSON.parse makes the value. What it would refuse is named here first, as are names that are given twice.

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
  new Scan(text).document();
  return JSON.parse(text);
}

/**
 * Where the members of a sound JSON text are.
 * @returns the line of the member or element at a path, or of the nearest one around it; undefined where there is
 *   none.
 */
export function linesOf(text: string): (path: readonly string[]) => number | undefined {
  const document = new Scan(text).document();
  return (path) => {
    let members: Members | undefined = document;
    let offset: number | undefined;
    for (const name of path) {
      const member: Member | undefined = members?.get(name);
      offset = member?.offset ?? offset;
      members = member?.members;
    }
    return offset === undefined ? undefined : placeOf(text, offset).line;
  };
}

/** A part of a text, up to the character before `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** @returns where the elements of a list are that is a member of a sound JSON text. */
export function elementSpans(text: string, list: string): Span[] {
  const elements = new Scan(text).document().get(list)?.members.values() ?? [];
  return [...elements].map(({ offset, end }) => ({ start: offset, end }));
}

function problemAt(offset: number, message: string, text: string): JsonProblem {
  const { line, column } = placeOf(text, offset);
  const whole = text.split(END_OF_LINE)[line - 1] ?? '';
  return new JsonProblem(`line ${line}, column ${column}: ${message}`, excerptOf(whole, column));
}

function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split(END_OF_LINE);
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

const END_OF_LINE = /\r\n|\r|\n/;
/** Of a long line, what is beside the place. */
const EXCERPT_LENGTH = 60;

function excerptOf(line: string, column: number): string {
  const from = column <= EXCERPT_LENGTH ? 0 : column - EXCERPT_LENGTH / 2;
  // Tabs and the like have a width of their own.
  const shown = line.slice(from, from + EXCERPT_LENGTH + 20).replaceAll(/\p{C}|\t/gu, ' ');
  return `${shown.trimEnd()}\n${' '.repeat(column - 1 - from)}^`;
}

/** Of an object by name, of an array by index. */
type Members = Map<string, Member>;

interface Member {
  /** Of the name, or of an element. */
  readonly offset: number;
  /** Behind the value. */
  end: number;
  readonly members: Members;
}

/** An object or an array whose end has not been reached. */
interface Open {
  readonly start: number;
  readonly end: '}' | ']';
  readonly member: Member;
}

const SPACE = /[ \t\r\n]*/y;
/** Up to its closing quote. Control characters are refused, but those that only Unicode has. */
const STRING = /"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})|[\u007F-\u009F])*/uy;
const WORD = /[^\s,:[\]{}"]*/y;
const QUOTED = /"[^"\r\n]{0,30}"?/y;

/** Goes through a document, however deep, and throws a JsonProblem at the first thing that is wrong. */
class Scan {
  readonly #text: string;
  readonly #open: Open[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): Members {
    const root: Member = { offset: 0, end: 0, members: new Map() };
    this.#value(root);
    for (;;) {
      const innermost = this.#open.at(-1);
      if (innermost === undefined) break;
      this.#memberOrEnd(innermost);
    }
    if (this.#next() !== '') throw this.#wrong(`nothing may follow the end, got ${this.#seen()}`);
    return root.members;
  }

  /** A text or a word; of an object or an array, whose members go into `member`, only the beginning. */
  #value(member: Member): void {
    const next = this.#next();
    if (next === '"') this.#string();
    else if (next === '{' || next === '[') {
      this.#open.push({ start: this.#at, end: next === '{' ? '}' : ']', member });
      this.#at += 1;
    } else this.#word();
    member.end = this.#at;
  }

  #memberOrEnd({ start, end, member }: Open): void {
    const { members } = member;
    const comma = members.size > 0 && this.#next() === ',' ? this.#at : undefined;
    if (comma !== undefined) this.#at += 1;
    const next = this.#next();
    if (next === '')
      throw this.#wrong(
        `the text ends, but this "${this.#text[start]}" has not been closed`,
        start,
      );
    if (next !== end) {
      if (comma === undefined && members.size > 0) throw this.#wrong(this.#noComma(end));
      this.#member(end, members);
      return;
    }
    if (comma !== undefined)
      throw this.#wrong(`no comma may stand before "${end}": remove it`, comma);
    this.#at += 1;
    member.end = this.#at;
    this.#open.pop();
  }

  #member(end: string, siblings: Members): void {
    const member: Member = { offset: this.#at, end: this.#at, members: new Map() };
    siblings.set(end === '}' ? this.#name(siblings) : String(siblings.size), member);
    this.#value(member);
  }

  #name(siblings: Members): string {
    const start = this.#at;
    if (this.#next() !== '"')
      throw this.#wrong(`a name must be in double quotes ("), got ${this.#seen()}`);
    const name = this.#string();
    const earlier = siblings.get(name);
    if (earlier !== undefined) {
      const { line } = placeOf(this.#text, earlier.offset);
      throw this.#wrong(`"${name}" is given twice, first in line ${line}`, start);
    }
    if (this.#next() !== ':')
      throw this.#wrong(`expected ":" after "${name}", got ${this.#seen()}`);
    this.#at += 1;
    return name;
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
      throw this.#wrong('the text that begins here has no closing double quote', start);
    throw this.#wrong('a text must not contain a control character');
  }

  #word(): void {
    const word = this.#match(WORD);
    if (!/^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$/.test(word))
      throw this.#wrong(this.#noValue(word));
    if (/\d/.test(word) && !isExactNumber(word))
      throw this.#wrong(
        `${word} would be read as ${Number(word)}: give a number of at most 15 significant digits`,
      );
    this.#at += word.length;
  }

  #noValue(word: string): string {
    if (/^['`\u2018-\u201F]/.test(word))
      return `a text must be in double quotes ("), got ${this.#seen()}`;
    if (/^[-+.]?\d/.test(word)) return `${word} is not how JSON writes a number`;
    return `expected a value, got ${this.#seen()}`;
  }

  #noComma(end: string): string {
    return /["{[\w-]/.test(this.#text[this.#at] ?? '')
      ? `a comma is missing before ${this.#seen()}`
      : `expected "," or "${end}", got ${this.#seen()}`;
  }

  #wrong(message: string, offset = this.#at): JsonProblem {
    return problemAt(offset, message, this.#text);
  }

  /** The next character that is not white space, without taking it; empty at the end. */
  #next(): string {
    this.#at += this.#match(SPACE).length;
    if (/^(?:\/[/*]|#)/.test(this.#text.slice(this.#at, this.#at + 2)))
      throw this.#wrong('JSON has no comments: remove it');
    return this.#text[this.#at] ?? '';
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
    return `"${this.#match(WORD).slice(0, 30) || first}"`;
  }
}
