// What the services of a partition lack, as far as Ferry needs it: the only list. Constructs, functions and commands
// ask it about the Region of the source, where all of this is.
//
// Sources: docs.amazonaws.cn, "AWS Lambda" in "Feature availability and implementation differences" (no S3 on-failure
// destinations for DynamoDB, no metrics of event source mappings, no X-Ray). What is not documented for a partition is
// taken to be missing there, unless it is old enough to be everywhere.

import { partitionOf } from './partition.ts';

export interface PartitionServices {
  /** Lambda stores batches that it gives up in a bucket. Otherwise a queue gets where they are in the stream. */
  readonly onFailureBucket: boolean;
  /** Lambda publishes event counts of event source mappings. */
  readonly mappingMetrics: boolean;
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
  tracing: true,
  messageBytesMax: 1_048_576,
  listPrices: true,
};

const OLD_MESSAGE_BYTES_MAX = 262_144;

const LACKING: Readonly<Record<string, Partial<PartitionServices>>> = {
  'aws-cn': {
    onFailureBucket: false,
    mappingMetrics: false,
    tracing: false,
    messageBytesMax: OLD_MESSAGE_BYTES_MAX,
    listPrices: false,
  },
  'aws-us-gov': { listPrices: false },
  'aws-eusc': { messageBytesMax: OLD_MESSAGE_BYTES_MAX, listPrices: false },
};

/** Of the partition of a Region. */
export function servicesAt(region: string): PartitionServices {
  return { ...EVERYTHING, ...LACKING[partitionOf(region).name] };
}
