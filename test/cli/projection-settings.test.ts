// The commands and a projection that the tables cannot have, or that the file writes in several places.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTwoRegions, type TwoRegions } from '../fixtures/two-regions.ts';

let regions: TwoRegions;
let cartsStream: string;
let plain: { readonly replications: readonly object[] };
beforeAll(async () => {
  regions = await openTwoRegions();
  plain = JSON.parse(readFileSync(regions.config, 'utf8')) as typeof plain;
  cartsStream = await regions.source.createTable('Carts', [{ name: 'pk', type: 'S' }], true);
  await regions.destination.createTable('Carts', [{ name: 'pk', type: 'S' }]);
}, 60_000);
afterAll(() => regions.close());

/** Writes the file, with its one replication changed. */
function write(parts: object, file: object = {}): void {
  const [orders] = plain.replications;
  const value = { ...file, replications: [{ ...orders, ...parts }] };
  writeFileSync(regions.config, JSON.stringify(value));
}

const keepItems = { attribute: 'tenant', exists: true };

describe('tables that a projection does not fit', () => {
  it.each([
    [
      { keepItems },
      ['backfill', '--apply'],
      '"keepItems" leaves items out, so Ferry needs old images',
    ],
    [
      { attributes: { drop: ['pk'] } },
      ['backfill', '--apply'],
      'must not be about a key attribute',
    ],
    [
      { attributes: { drop: ['pk'] } },
      ['verify', '--settle', '0'],
      'must not be about a key attribute',
    ],
  ])('%j: `ferry %s` is refused', async (projection, command, message) => {
    write({ projection });

    const { exitCode, err } = await regions.ferry(...command);

    expect({ exitCode, err }).toMatchObject({ exitCode: 1, err: expect.stringContaining(message) });
  });

  it('is a notice of `ferry verify` where it can compare them', async () => {
    const [orders] = plain.replications as Array<Record<'source' | 'destination', object>>;
    const at = (side: 'source' | 'destination') => ({ ...orders?.[side], table: 'Carts' });
    write({
      source: { ...at('source'), streamArn: cartsStream },
      destination: at('destination'),
      projection: { keepItems },
    });

    const { exitCode, out } = await regions.ferry('verify', '--settle', '0', '--json');

    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      projectionNotices: expect.arrayContaining([
        { kind: 'tables', text: expect.stringContaining('so Ferry needs old images, too.') },
      ]),
    });
  });

  const endpoints = () =>
    (['source', 'destination'] as const).flatMap((side) => [
      `--${side}-endpoint`,
      regions[side].endpoint,
    ]);
  const addCarts = () =>
    regions.ferry('init', 'us-east-1/Carts', 'eu-west-1/Carts', '--add', ...endpoints());

  it('is found by `ferry init --add`, where the defaults have the projection', async () => {
    const { projection: _, ...one } = { projection: undefined, ...plain.replications[0] };
    writeFileSync(
      regions.config,
      JSON.stringify({ defaults: { projection: { keepItems } }, replications: [one] }),
    );

    const { exitCode, out } = await addCarts();

    expect(exitCode).toBe(1);
    expect(out).toContain('error    The stream of us-east-1/Carts has the view type NEW_IMAGE.');
  });

  it('is not looked for without a projection', async () => {
    write({});

    const { exitCode, out } = await addCarts();

    expect({ exitCode, out }).toMatchObject({ exitCode: 0 });
    expect(out).not.toMatch(/projection|old images/);
  });
});

describe('`ferry config` of a projection', () => {
  const projection = { attributes: { drop: ['email'], set: { region: { S: 'eu' } } } };
  const printed = async (...options: string[]) => {
    const { out } = await regions.ferry('config', '--json', ...options);
    const { replications } = JSON.parse(out) as { replications: Array<{ projection: unknown }> };
    return replications[0]?.projection;
  };

  it.each([[[]], [['--resolved']]])(
    'prints what file and defaults say together (%j)',
    async (options) => {
      write({ projection: { attributes: { drop: ['phone'] } } }, { defaults: { projection } });

      expect(await printed(...options)).toEqual({
        attributes: { drop: ['phone'], set: { region: { S: 'eu' } } },
      });
    },
  );

  it('prints where a module is, and as it was written', async () => {
    write({}, { defaults: { projection: { module: './projections/orders.mjs' } } });

    expect(await printed()).toEqual({ module: './projections/orders.mjs' });
    expect(await printed('--resolved')).toEqual({
      module: join(regions.directory, 'projections/orders.mjs'),
    });
  });

  it('names the line of each problem', async () => {
    const [orders] = plain.replications;
    const value = { replications: [{ ...orders, projection: { keepItems, module: './a.mjs' } }] };
    const text = JSON.stringify(value, null, 2);
    writeFileSync(regions.config, text);
    const line = text.split('\n').findIndex((one) => one.includes('"module"')) + 1;

    const { exitCode, err } = await regions.ferry('config');

    expect(exitCode).toBe(2);
    expect(err).toContain(
      `\n  line ${line}: replications.0.projection.module must be alone, because it is used instead of other rules, got keepItems beside it`,
    );
  });
});
