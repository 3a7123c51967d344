// The partition of a Region, by how the Region's name begins. Names in ARNs and the endings of host names follow
// from it.

export interface Partition {
  /** As ARNs have it. */
  readonly name: string;
  /** Of the endpoints of its Regions. */
  readonly dnsSuffix: string;
}

const AWS: Partition = { name: 'aws', dnsSuffix: 'amazonaws.com' };

const OTHERS: readonly (readonly [start: string, partition: Partition])[] = [
  ['cn-', { name: 'aws-cn', dnsSuffix: 'amazonaws.com.cn' }],
  ['us-gov-', { name: 'aws-us-gov', dnsSuffix: 'amazonaws.com' }],
  ['eusc-', { name: 'aws-eusc', dnsSuffix: 'amazonaws.eu' }],
  ['us-iso-', { name: 'aws-iso', dnsSuffix: 'c2s.ic.gov' }],
  ['us-isob-', { name: 'aws-iso-b', dnsSuffix: 'sc2s.sgov.gov' }],
  ['us-isof-', { name: 'aws-iso-f', dnsSuffix: 'csp.hci.ic.gov' }],
  ['eu-isoe-', { name: 'aws-iso-e', dnsSuffix: 'cloud.adc-e.uk' }],
];

/** Of a Region that is not known here, AWS's own: new Regions are in it. */
export function partitionOf(region: string): Partition {
  const [, partition] = OTHERS.find(([start]) => region.startsWith(start)) ?? [];
  return partition ?? AWS;
}
