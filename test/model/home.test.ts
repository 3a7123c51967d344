import { expect, it } from 'vitest';
import { homeOf } from '../../src/model/home.ts';

const [EU, US, AP] = ['eu-west-1', 'us-east-1', 'ap-south-1'];
const HOMES = {
  rules: [
    { attribute: 'pk', prefix: 'eu#', suffix: '#de', region: AP },
    { attribute: 'pk', prefix: 'eu#', region: EU },
    { attribute: 'sk', suffix: '#eu', region: EU },
  ],
  otherwise: US,
};

it.each<[string, Record<string, { S?: string; N?: string }>, string | undefined]>([
  ['the first rule that matches', { pk: { S: 'eu#1#de' } }, AP],
  ['a prefix', { pk: { S: 'eu#1' } }, EU],
  ['a suffix of another attribute', { pk: { S: '1' }, sk: { S: 'order#eu' } }, EU],
  ['no rule', { pk: { S: 'us#eu#' } }, US],
  ['an attribute that the key has not', { id: { S: 'eu#1' } }, US],
  ['a number', { pk: { N: '1' } }, US],
])('%s tells the home', (_, key, region) => {
  expect(homeOf(key as never, HOMES)).toBe(region);
});
