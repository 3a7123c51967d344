// How a table sends its changes to a Kinesis stream, and how that stream keeps them, as far as a replication has to know.

export interface StreamingFacts {
  /** As DynamoDB has it: ACTIVE, DISABLED, … Undefined where the table has never sent its changes there. */
  readonly status: string | undefined;
  /** MILLISECOND or MICROSECOND; undefined means the former. */
  readonly precision: string | undefined;
  /** Another stream, to which the table sends its changes now. */
  readonly otherStreamArn: string | undefined;
}

export interface KinesisFacts extends StreamingFacts {
  readonly streamArn: string;
  /** Undefined where there is no such stream. */
  readonly retentionHours: number | undefined;
  /** Of a KMS key, as the stream was given it: an ARN, an id or an alias. Undefined where it is not encrypted. */
  readonly keyId: string | undefined;
}

/** Whether changes arrive in the stream; also while only the precision changes. */
export function isStreaming({ status }: Pick<StreamingFacts, 'status'>): boolean {
  return status === 'ACTIVE' || status === 'UPDATING';
}
