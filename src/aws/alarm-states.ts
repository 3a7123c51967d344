// The alarms whose names begin alike, as CloudWatch sees them now.

import { type CloudWatchClient, paginateDescribeAlarms } from '@aws-sdk/client-cloudwatch';

export interface AlarmNow {
  readonly name: string;
  /** OK, ALARM or INSUFFICIENT_DATA. */
  readonly state: string;
}

/** Composite alarms left out. @throws what the service or the network throws. */
export async function alarmsNow(client: CloudWatchClient, prefix: string): Promise<AlarmNow[]> {
  const found: AlarmNow[] = [];
  const wanted = { AlarmNamePrefix: prefix, AlarmTypes: ['MetricAlarm' as const] };
  for await (const { MetricAlarms = [] } of paginateDescribeAlarms({ client }, wanted))
    for (const { AlarmName: name = '', StateValue: state = '' } of MetricAlarms)
      found.push({ name, state });
  return found;
}
