// A path to an attribute, such as profile.phones[0] or orders[*].card -> its steps.

/** Each element of a list. */
export const EVERY = Symbol('[*]');

/** A name in a map, the index of an element in a list, or each element. */
export type PathStep = string | number | typeof EVERY;

/** The first step is the top-level attribute. */
export type AttributePath = readonly [string, ...PathStep[]];

const LENGTH_MAX = 1_000;

/** A dot and a name, or an element: the path has a dot before its first name, too. */
const STEP = /\.((?:[^.[\]\\]|\\[.[\]\\])+)|\[(0|[1-9]\d{0,5}|\*)\]/suy;

/** Of a configuration that has been checked. */
export function attributePath(text: string): AttributePath {
  const path = readPath(text);
  if (typeof path === 'string') throw new Error(path);
  return path;
}

/** @returns what the path must be, and where the text stops being that, if it cannot be read. */
export function readPath(text: string): AttributePath | string {
  if (text.length > LENGTH_MAX)
    return `must have at most ${LENGTH_MAX} characters, got ${text.length}`;
  const steps: PathStep[] = [];
  const dotted = `.${text}`;
  for (let at = 0; at < dotted.length; at = STEP.lastIndex) {
    STEP.lastIndex = at;
    const match = STEP.exec(dotted);
    if (match === null) return unreadable(text, dotted.slice(Math.max(at, 1)));
    steps.push(stepOf(match));
  }
  return steps as unknown as AttributePath;
}

function stepOf([, name, element = '']: RegExpExecArray): PathStep {
  if (name !== undefined) return name.replaceAll(/\\(.)/gs, '$1');
  return element === '*' ? EVERY : Number(element);
}

function unreadable(text: string, rest: string): string {
  const where = rest === text ? '' : `, which cannot be read from ${JSON.stringify(rest)} on`;
  return `must be names joined by dots, with [0] or [*] for the elements of a list, and a backslash before a dot, a bracket or a backslash of a name, got ${JSON.stringify(text)}${where}`;
}

/** Whether both are one attribute, or one is inside the other. */
export function overlap(first: AttributePath, second: AttributePath): boolean {
  const both = first.slice(0, second.length);
  return both.every((step, index) => has(step, second[index]) || has(second[index], step));
}

export function isWithin(inner: AttributePath, outer: AttributePath): boolean {
  return inner.length >= outer.length && overlap(inner, outer);
}

export function isSame(first: AttributePath, second: AttributePath): boolean {
  return first.length === second.length && overlap(first, second);
}

/** Whether all of the inner path is in the outer one: [*] is more than [0]. */
export function covers(outer: AttributePath, inner: AttributePath): boolean {
  return outer.every((step, index) => has(step, inner[index]));
}

function has(step: PathStep | undefined, other: PathStep | undefined): boolean {
  return step === other || (step === EVERY && typeof other === 'number');
}
