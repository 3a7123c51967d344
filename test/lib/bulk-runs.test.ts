// What a replication with `"bulk": true` adds to its source stack.

import { rmSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { buildApp } from '../../lib/ferry-app.ts';
import { parseConfig } from '../../src/config.ts';
import {
  codeDirectory,
  EXISTING,
  emptyApp,
  resources,
  stackOf,
  templates,
  temporary,
} from './stack-templates.ts';

afterAll(() => rmSync(temporary, { recursive: true }));

function synthesized(replication: object): {
  app: App;
  template: ReturnType<typeof templates>['source'];
} {
  const app = emptyApp();
  buildApp(app, parseConfig({ replications: [replication] }), {
    codeDirectory,
    bulkCodeDirectory: codeDirectory,
  });
  app.synth();
  return {
    app,
    template: Template.fromStack(stackOf(app, 'ferry-orders-source')).toJSON() as never,
  };
}

describe('bulk runs', () => {
  const { template } = synthesized({ ...EXISTING, bulk: true });

  it('look', () => {
    console.log(JSON.stringify(resources(template, 'AWS::StepFunctions::StateMachine'), null, 1));
    console.log(JSON.stringify(resources(template, 'AWS::IAM::Role'), null, 1).slice(0, 3000));
    console.log(JSON.stringify(resources(template, 'AWS::IAM::Policy'), null, 1).slice(0, 5000));
    expect(1).toBe(2);
  });
});
