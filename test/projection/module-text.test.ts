import { expect, it } from 'vitest';
import { FerryError } from '../../src/errors.ts';
import { checkModuleText } from '../../src/projection/module-text.ts';

const PATH = '/projections/orders.mjs';

function refusal(text: string | Uint8Array, path = PATH): FerryError {
  try {
    checkModuleText(Buffer.from(text), path);
  } catch (error) {
    if (error instanceof FerryError) return error;
    throw error;
  }
  throw new Error('the module has been accepted');
}

it.each([
  'export function project(item) { return item; }',
  'export const project = (item) => item;',
  'const make = (item) => item; export { make as project };',
  '// import x from "y"\nexport const project = () => "import(x)";',
  '\ufeffexport const project = (item) => item;',
])('accepts %j', (text) => {
  expect(() => checkModuleText(Buffer.from(text), PATH)).not.toThrow();
});

it.each([
  [
    'a static import',
    '\nimport x from "lodash";\nexport const project = x;',
    'line 2, imports lodash',
  ],
  ['an import that is re-exported', 'export * from "./other.mjs";', 'line 1, imports ./other.mjs'],
  ['a dynamic import', 'export const project = () =>\n  import("fs");', 'line 2, imports fs'],
  ['a computed import', 'export const project = (x) => import(x);', 'line 1, imports a module'],
  ['import.meta', 'export const project = () => import.meta.url;', 'line 1, uses import.meta'],
  ['a module without project', 'export const projekt = () => 1;', 'does not export project'],
  ['only a default export', 'export default { project: 1 };', 'does not export project'],
  ['a CommonJS module', 'module.exports = { project: () => 1 };', 'does not export project'],
  [
    'an async function',
    '\nexport async function project() {}',
    'line 2, exports an async function',
  ],
  ['no JavaScript', 'export const project = `', 'is not JavaScript'],
  ['no text', new Uint8Array([0xff, 0xfe]), 'is not text in UTF-8'],
  [
    'a large module',
    `export const project = 1; //${'x'.repeat(1 << 20)}`,
    'bytes. A module has 1 MiB at most',
  ],
])('refuses %s', (_, text, message) => {
  const { code, message: found } = refusal(text);

  expect(code).toBe('projection.module');
  expect(found).toContain(message);
  expect(found).toContain(PATH);
});

it('says how TypeScript becomes a module', () => {
  const { message, hint } = refusal('export const project = 1;', './projections/orders.ts');

  expect(message).toContain('./projections/orders.ts is not a .mjs file');
  expect(hint).toContain('esbuild projection.ts --bundle --format=esm --outfile=projection.mjs');
});
