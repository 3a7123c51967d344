// Update expressions: up to four clauses, SET, REMOVE, ADD and DELETE, each at most once, in any order and in any case.
// These are reserved words, so that none of them can be the name of an attribute, unless with "#".

/** Not part of a name or a value: these have letters, digits and "_" behind "#", ":" or ".". */
const SET = /(?<![\w#:.])set(?!\w)/i;

export function withAssignment(expression: string, assignment: string): string {
  if (expression.trim() === '') return `SET ${assignment}`;
  const set = SET.exec(expression);
  if (set === null) return `SET ${assignment} ${expression}`;
  const end = set.index + set[0].length;
  return `${expression.slice(0, end)} ${assignment},${expression.slice(end)}`;
}

const NAMES = /(?<![\w#:.])(?:#\w+|[a-z_]\w*)/gi;

/** Whether a path in the expression begins with the attribute, by its name or by one that stands for it. */
export function hasName(
  expression: string,
  attribute: string,
  names: Readonly<Record<string, string>>,
): boolean {
  const isUsed = expression.includes(attribute) || Object.values(names).includes(attribute);
  if (!isUsed) return false;
  return [...expression.matchAll(NAMES)].some(([name]) =>
    name.startsWith('#') ? names[name] === attribute : name === attribute,
  );
}
