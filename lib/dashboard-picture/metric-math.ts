// CloudWatch metric math, as far as dashboards of this project use it: an expression over series in, a
// series out. A point that has no value is undefined, and has none in sums either.

export type Series = ReadonlyArray<number | undefined>;
type Value = number | Series | readonly Series[];

/**
 * @param series the series of an id; throws where there is none.
 * @throws Error where the expression uses what is not known here.
 */
export function evaluate(
  expression: string,
  series: (id: string) => Series,
  length: number,
): Series {
  const tokens = expression.match(/\d+(?:\.\d+)?|[A-Za-z]\w*|\S/g) ?? [];
  const parser: Parser = { tokens: [...tokens], series, refuse: (why) => refuse(expression, why) };
  const value = sum(parser);
  if (parser.tokens.length > 0) return parser.refuse(`"${parser.tokens[0]}" is unexpected`);
  return asSeries(value, length, parser);
}

interface Parser {
  /** What is left of them. */
  readonly tokens: string[];
  readonly series: (id: string) => Series;
  readonly refuse: (why: string) => never;
}

function refuse(expression: string, why: string): never {
  throw new Error(`Cannot evaluate the metric math "${expression}": ${why}.`);
}

const OPERATIONS: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
};

function sum(parser: Parser): Value {
  return chain(parser, ['+', '-'], product);
}

function product(parser: Parser): Value {
  return chain(parser, ['*', '/'], operand);
}

/** Operators of one rank, from the left. */
function chain(parser: Parser, operators: string[], next: (parser: Parser) => Value): Value {
  let value = next(parser);
  while (operators.includes(parser.tokens[0] ?? '')) {
    const operation = OPERATIONS[parser.tokens.shift() ?? ''];
    if (operation === undefined) return parser.refuse('an operator is unknown');
    value = combine(value, next(parser), operation, parser);
  }
  return value;
}

function operand(parser: Parser): Value {
  const token = parser.tokens.shift() ?? parser.refuse('it ends too early');
  if (/^\d/.test(token)) return Number(token);
  if (token === '(') return closed(sum(parser), ')', parser);
  if (token === '[') return closed(list(parser), ']', parser);
  if (parser.tokens[0] === '(') return call(token, parser);
  return /^[a-z]/.test(token) ? parser.series(token) : parser.refuse(`"${token}" is unexpected`);
}

function call(name: string, parser: Parser): Value {
  parser.tokens.shift();
  const [first, second] = closed(values(parser), ')', parser);
  switch (name) {
    case 'FILL':
      if (isSeries(first) && typeof second === 'number') return fill(first, second);
      break;
    case 'MAX':
      if (isList(first)) return highest(first);
      break;
  }
  return parser.refuse(`${name} of these is not known here`);
}

function values(parser: Parser): Value[] {
  const found = [sum(parser)];
  while (parser.tokens[0] === ',') {
    parser.tokens.shift();
    found.push(sum(parser));
  }
  return found;
}

function list(parser: Parser): readonly Series[] {
  const found = values(parser);
  return found.every(isSeries) ? found : parser.refuse('a list holds what is no series');
}

function closed<T>(value: T, bracket: string, { tokens, refuse: stop }: Parser): T {
  return tokens.shift() === bracket ? value : stop(`a "${bracket}" is missing`);
}

function fill(series: Series, filling: number): Series {
  return series.map((value) => value ?? filling);
}

/** Of several series at each time, of those that have a value there. */
function highest(all: readonly Series[]): Series {
  const [first = []] = all;
  return first.map((_, index) => {
    const found = all.flatMap((series) => series[index] ?? []);
    return found.length === 0 ? undefined : Math.max(...found);
  });
}

function combine(
  a: Value,
  b: Value,
  operation: (a: number, b: number) => number,
  { refuse: stop }: Parser,
): Value {
  if (isList(a) || isList(b)) return stop('a list is no operand here');
  if (typeof a === 'number' && typeof b === 'number') return operation(a, b);
  const length = typeof a === 'number' ? (b as Series).length : a.length;
  return Array.from({ length }, (_, index) => {
    const [left, right] = [at(a, index), at(b, index)];
    if (left === undefined || right === undefined) return undefined;
    const value = operation(left, right);
    return Number.isFinite(value) ? value : undefined;
  });
}

function at(value: number | Series, index: number): number | undefined {
  return typeof value === 'number' ? value : value[index];
}

function asSeries(value: Value, length: number, { refuse: stop }: Parser): Series {
  if (typeof value === 'number') return Array.from({ length }, () => value);
  return isList(value) ? stop('it makes a list') : value;
}

function isSeries(value: Value | undefined): value is Series {
  return Array.isArray(value) && !isList(value);
}

function isList(value: Value | undefined): value is readonly Series[] {
  return Array.isArray(value) && value.length > 0 && value.every(Array.isArray);
}
