// Addresses in the AWS console.

import { Token } from 'aws-cdk-lib';
import { RegionInfo } from 'aws-cdk-lib/region-info';

const CONSOLES: Readonly<Record<string, string>> = {
  aws: 'console.aws.amazon.com',
  'aws-cn': 'console.amazonaws.cn',
  'aws-us-gov': 'console.amazonaws-us-gov.com',
};

/** Undefined where the console is not known: in a Region that only a deployment knows, and in some partitions. */
export function dashboardUrl(region: string, dashboardName: string): string | undefined {
  if (Token.isUnresolved(region)) return undefined;
  // A Region that is newer than this release of the CDK has no known partition. New ones are in `aws`.
  const console = CONSOLES[RegionInfo.get(region).partition ?? 'aws'];
  if (console === undefined) return undefined;
  return `https://${region}.${console}/cloudwatch/home?region=${region}#dashboards/dashboard/${dashboardName}`;
}
