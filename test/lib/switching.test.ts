// What "switching" adds to the templates: the way back as a replication of its own, one state machine in each Region, and
// control rows that only operators and switches can write.

import { rmSync } from 'node:fs';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll, expect, it } from 'vitest';
import { appOf, CREATED, stackOf, temporary, violations } from './stack-templates.ts';

afterAll(() => rmSync(temporary, { recursive: true }));

const app = appOf({ ...CREATED, switching: {} });
const assembly = app.synth();

it('is clean', () => {
  console.log(assembly.stacks.map(({ stackName, dependencies }) => `${stackName}: ${dependencies.map((d) => d.id)}`));
  for (const { stackName } of assembly.stacks) {
    console.log(stackName, Object.entries((Template.fromStack(stackOf(app, stackName)).toJSON() as any).Resources).map(([id, r]: any) => `${id} ${r.Type}`).join('\n'));
  }
  expect(violations(app)).toEqual([]);
});
