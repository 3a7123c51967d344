import { afterEach, expect, it } from 'vitest';
import { listTables } from '../../src/aws/table-list.ts';
import { profileAccess } from '../../src/composition/operator-access.ts';
import { type Answer, startAnswering } from '../fixtures/answering.ts';
import type { Listening } from '../fixtures/listening.ts';
import { useEngine } from '../fixtures/engine.ts';

const engine = useEngine();
let answering: Listening | undefined;
afterEach(async () => {
  await answering?.close();
  answering = undefined;
});
const behind = async (answer: Answer) => {
  answering = await startAnswering(answer, engine().endpoint);
  return profileAccess({ region: 'eu-west-1', endpoint: answering.endpoint });
};

it('lists the tables of all pages, also where requests are throttled', async () => {
  const names = Array.from({ length: 12 }, (_, index) => `Table${index}`);
  for (const name of names) await engine().createTable(name, [{ name: 'pk', type: 'S' }]);
  const operations: string[] = [];
  const settings = await behind((operation, pass, say) => {
    operations.push(operation);
    if (operations.length % 3 === 2) say(400, { __type: 'x#ThrottlingException' });
    else pass();
  });

  const found = await listTables(settings, 5);

  expect(found.filter((name) => name.startsWith('Table')).toSorted()).toEqual(names.toSorted());
  expect(new Set(found).size).toBe(found.length);
  expect(operations.length).toBeGreaterThan(3);
});

it('passes on that listing is denied', async () => {
  const settings = await behind((_, __, say) => say(400, { __type: 'x#AccessDeniedException' }));

  await expect(listTables(settings)).rejects.toThrow(
    expect.objectContaining({ name: 'AccessDeniedException' }),
  );
});
