// The sample of Region switch plans is a template that CloudFormation takes, and names what the stacks deploy.

import { rmSync } from 'node:fs';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';
import { afterAll, expect, it } from 'vitest';
import cdk from '../../cdk.json' with { type: 'json' };
import { REGION_SWITCH_NAMES } from '../../src/config/names.ts';
import { resources, temporary, type TemplateJson } from './stack-templates.ts';

afterAll(() => rmSync(temporary, { recursive: true }));

const app = new App({
  outdir: `${temporary}/plans`,
  autoSynth: false,
  // Errors of CloudFormation's own rules end the synthesis.
  context: { ...cdk.context, '@aws-cdk/core:validateAgainstDefaultRules': true },
});
const stack = new Stack(app, 'plans');
const templateFile = 'examples/region-switch/plans.yaml';
const plans = new CfnInclude(stack, 'Plans', { templateFile });
const template = Template.fromStack(stack).toJSON() as TemplateJson;

interface Plan {
  readonly Workflows: ReadonlyArray<{
    readonly WorkflowTargetAction: string;
    readonly Steps: ReadonlyArray<{
      readonly ExecutionBlockConfiguration: {
        readonly CustomActionLambdaConfig: {
          readonly Lambdas: readonly object[];
          readonly RegionToRun: string;
        };
      };
    }>;
  }>;
}

it('is a template that CloudFormation takes', () => {
  expect(() => app.synth()).not.toThrow();
  expect(resources(template, 'AWS::ARCRegionSwitch::Plan')).toHaveLength(2);
  expect(plans.getParameter('PrimaryRegion').type).toBe('String');
});

it.each([
  ['Tables', 'ferry-region-switch'],
  ['TablesLostRegion', 'ferry-lost-region-switch'],
])('lets the plan %s call %s, in the Region to be active', (id, name) => {
  const plan = template.Resources[id]?.Properties as unknown as Plan;
  const [workflow, ...others] = plan.Workflows;
  const [step] = workflow?.Steps ?? [];
  const { Lambdas = [], RegionToRun } =
    step?.ExecutionBlockConfiguration.CustomActionLambdaConfig ?? {};

  expect(others).toEqual([]);
  expect(workflow?.WorkflowTargetAction).toBe('activate');
  expect(RegionToRun).toBe('activatingRegion');
  expect(REGION_SWITCH_NAMES).toContain(name);
  expect(Lambdas).toHaveLength(2);
  for (const lambda of Lambdas) expect(JSON.stringify(lambda)).toMatch(new RegExp(`:${name}"`));
});
