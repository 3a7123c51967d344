// What the services of a partition have, as far as Ferry needs it: the only list. Constructs, functions and commands
// ask it about the Region of the source, where all of this is.
//
// Sources: the lists of differences of AWS Lambda in the documentation of the China Regions (docs.amazonaws.cn,
// "Feature availability and implementation differences") and of AWS GovCloud ("How AWS Lambda differs"). Both lack S3
// on-failure destinations for DynamoDB streams and metrics of event source mappings, China lacks X-Ray, and GovCloud
// lacks JSON logs. SQS announced 1 MiB for the commercial Regions and GovCloud. What is not documented for a partition
// is taken to be missing there, because a deployment fails at a property that a service does not know.

import { partitionOf } from './partition.ts';

export interface PartitionServices {
  /** Lambda stores batches that it gives up in a bucket. Otherwise a queue gets where they are in the stream. */
  readonly onFailureBucket: boolean;
  /** Lambda publishes event counts of event source mappings. */
  readonly mappingMetrics: boolean;
  /** Lambda writes its own log lines as JSON, as Ferry's always are. */
  readonly jsonLogs: boolean;
  /** Step Functions sends traces to X-Ray. */
  readonly tracing: boolean;
  /** The largest message that SQS takes, in bytes. */
  readonly messageBytesMax: number;
  /** Ferry knows the list prices, in US dollars. */
  readonly listPrices: boolean;
}

const EVERYTHING: PartitionServices = {
  onFailureBucket: true,
  mappingMetrics: true,
  jsonLogs: true,
  tracing: true,
  messageBytesMax: 1_048_576,
  listPrices: true,
};

const ELSEWHERE: PartitionServices = {
  onFailureBucket: false,
  mappingMetrics: false,
  jsonLogs: false,
  tracing: false,
  messageBytesMax: 262_144,
  listPrices: false,
};

const PARTITIONS: Readonly<Record<string, PartitionServices>> = {
  aws: EVERYTHING,
  'aws-cn': { ...ELSEWHERE, jsonLogs: true },
  'aws-us-gov': { ...ELSEWHERE, tracing: true, messageBytesMax: EVERYTHING.messageBytesMax },
};

/** Of the partition of a Region. */
export function servicesAt(region: string): PartitionServices {
  return PARTITIONS[partitionOf(region).name] ?? ELSEWHERE;
}
