// The part of DynamoDB's expression language that Ferry sends: existence, comparisons, AND, OR, NOT,
// nested paths, and SET. Anything else is refused, as DynamoDB refuses what it does not know.

import type { AttributeValue } from '@aws-sdk/client-dynamodb';

type Item = Readonly<Record<string, AttributeValue>>;

export interface Scope {
  readonly item: Item;
  readonly names: Readonly<Record<string, string>>;
  readonly values: Readonly<Record<string, AttributeValue>>;
}

type Operand = (scope: Scope) => AttributeValue | undefined;
type Test = (scope: Scope) => boolean;

interface Parsed<T> {
  readonly run: T;
  /** Placeholders in it: DynamoDB refuses a request with others, or without these. */
  readonly used: ReadonlySet<string>;
}

export class InvalidExpression extends Error {}

/** Whether the condition holds. @throws InvalidExpression */
export function holds(condition: string, scope: Scope): boolean {
  const { run, used } = conditionOf(condition);
  requireSame(used, scope);
  return run(scope);
}

/** Every update has a condition or none; the placeholders of both count together. */
export function update(
  { set, condition }: { readonly set: string; readonly condition: string | undefined },
  scope: Scope,
): { readonly allowed: boolean; readonly item: Item } {
  const assignments = assignmentsOf(set);
  const test = condition === undefined ? undefined : conditionOf(condition);
  requireSame(new Set([...assignments.used, ...(test?.used ?? [])]), scope);
  if (test?.run(scope) === false) return { allowed: false, item: scope.item };
  const item: Record<string, AttributeValue> = { ...scope.item };
  for (const { name, value } of assignments.run) {
    const found = value(scope);
    if (found !== undefined) item[scope.names[name] ?? name] = found;
  }
  return { allowed: true, item };
}

function requireSame(used: ReadonlySet<string>, { names, values }: Scope): void {
  let given = 0;
  for (const placeholders of [names, values]) {
    for (const placeholder of Object.keys(placeholders)) {
      given += 1;
      if (!used.has(placeholder)) throw new InvalidExpression(`unused: ${placeholder}`);
    }
  }
  if (given !== used.size) throw new InvalidExpression('a placeholder is not defined');
}

function memoized<T>(parse: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const found = known.get(text) ?? parse(text);
    known.set(text, found);
    return found;
  };
}

const conditionOf = memoized((text): Parsed<Test> => {
  const parser = new Parser(text);
  const run = parser.or();
  parser.end();
  return { run, used: parser.used };
});

const assignmentsOf = memoized((text) => {
  const parser = new Parser(text);
  parser.take('SET');
  const run: Array<{ name: string; value: Operand }> = [];
  do {
    const name = parser.word();
    parser.take('=');
    run.push({ name, value: parser.operand() });
  } while (parser.skip(','));
  parser.end();
  return { run, used: parser.used };
});

const COMPARISONS: Readonly<Record<string, (order: number) => boolean>> = {
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

class Parser {
  readonly used = new Set<string>();
  readonly #tokens: string[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = text.match(/<=|>=|<>|[=<>(),.]|[#:]?\w+/g) ?? [];
    if (this.#tokens.join('') !== text.replaceAll(' ', '')) throw new InvalidExpression(text);
  }

  or(): Test {
    const first = this.#and();
    if (!this.skip('OR')) return first;
    const rest = this.or();
    return (scope) => first(scope) || rest(scope);
  }

  #and(): Test {
    const first = this.#unary();
    if (!this.skip('AND')) return first;
    const rest = this.#and();
    return (scope) => first(scope) && rest(scope);
  }

  #unary(): Test {
    if (this.skip('NOT')) {
      const test = this.#unary();
      return (scope) => !test(scope);
    }
    if (this.skip('(')) {
      const test = this.or();
      this.take(')');
      return test;
    }
    const wanted = this.#existence();
    return wanted === undefined ? this.#comparison() : this.#exists(wanted);
  }

  #existence(): boolean | undefined {
    if (this.skip('attribute_exists')) return true;
    return this.skip('attribute_not_exists') ? false : undefined;
  }

  #exists(wanted: boolean): Test {
    this.take('(');
    const path = this.operand();
    this.take(')');
    return (scope) => (path(scope) !== undefined) === wanted;
  }

  #comparison(): Test {
    const left = this.operand();
    const sign = this.word();
    const right = this.operand();
    if (sign === '=') return (scope) => isEqual(left(scope), right(scope));
    const decide = COMPARISONS[sign];
    if (decide === undefined) throw new InvalidExpression(`unknown: ${sign}`);
    return (scope) => {
      const order = compare(left(scope), right(scope));
      return order !== undefined && decide(order);
    };
  }

  operand(): Operand {
    const first = this.#placeholder();
    if (first.startsWith(':')) return ({ values }) => values[first];
    const inner: string[] = [];
    while (this.skip('.')) inner.push(this.#placeholder());
    return ({ item, names }) => {
      let value: AttributeValue | undefined = item[names[first] ?? first];
      for (const name of inner) value = value?.M?.[names[name] ?? name];
      return value;
    };
  }

  #placeholder(): string {
    const word = this.word();
    if (/^[#:]/.test(word)) this.used.add(word);
    return word;
  }

  word(): string {
    const word = this.#tokens[this.#at];
    if (word === undefined) throw new InvalidExpression('it ends too early');
    this.#at += 1;
    if (word.startsWith('#')) this.used.add(word);
    return word;
  }

  skip(word: string): boolean {
    if (this.#tokens[this.#at] !== word) return false;
    this.#at += 1;
    return true;
  }

  take(word: string): void {
    if (!this.skip(word)) throw new InvalidExpression(`${word} is missing`);
  }

  end(): void {
    if (this.#at < this.#tokens.length) throw new InvalidExpression('it goes on');
  }
}

/** Undefined where the two cannot be compared; then no comparison holds. */
function compare(a: AttributeValue | undefined, b: AttributeValue | undefined): number | undefined {
  if (a?.S !== undefined && b?.S !== undefined) return a.S < b.S ? -1 : Number(a.S > b.S);
  if (a?.N !== undefined && b?.N !== undefined) return Number(a.N) - Number(b.N);
  return undefined;
}

function isEqual(a: AttributeValue | undefined, b: AttributeValue | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return a === b || JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

/** Attributes of maps in order: they have none. */
function sorted(value: AttributeValue): unknown {
  if (value.M === undefined) return value;
  const entries = Object.entries(value.M).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([name, member]) => [name, sorted(member)]);
}
