// A dashboard as CloudWatch is told of it: the body in a template, with the names of the template's own
// resources in the place of what only a deployment knows.

export interface TextWidgetBody extends Place {
  readonly type: 'text';
  readonly properties: { readonly markdown: string };
}

export interface GraphWidgetBody extends Place {
  readonly type: 'metric';
  readonly properties: {
    readonly title: string;
    readonly stacked?: boolean;
    readonly metrics: readonly MetricRow[];
    readonly annotations?: { readonly horizontal?: readonly Annotation[] };
    readonly yAxis?: { readonly left?: YAxis; readonly right?: YAxis };
  };
}

/** On a grid of 24 columns. */
export interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Namespace, name, and names and values of dimensions; nothing of that before an expression's look. */
export type MetricRow = readonly [...names: string[], look: Look];

export interface Look {
  readonly id?: string;
  readonly label?: string;
  readonly expression?: string;
  readonly stat?: string;
  readonly color?: string;
  readonly yAxis?: Side;
  /** @default true */
  readonly visible?: boolean;
}

export type Side = 'left' | 'right';

export interface Annotation {
  readonly value: number;
  readonly label?: string;
  readonly yAxis?: Side;
}

interface YAxis {
  readonly label?: string;
}

export interface DashboardBody {
  readonly widgets: ReadonlyArray<TextWidgetBody | GraphWidgetBody>;
}

/** @param body the property `DashboardBody` of a template's dashboard. */
export function parseDashboardBody(body: unknown): DashboardBody {
  return JSON.parse(resolve(body)) as DashboardBody;
}

/** Joins are joined; a reference reads as what it refers to. */
function resolve(value: unknown): string {
  if (typeof value === 'string') return value;
  const { Ref: ref, 'Fn::GetAtt': attribute, 'Fn::Join': join } = value as Intrinsic;
  if (ref !== undefined) return ref;
  if (attribute !== undefined) return attribute.join('.');
  if (join !== undefined) return join[1].map(resolve).join(join[0]);
  throw new Error(`The dashboard's body holds what cannot be resolved: ${JSON.stringify(value)}.`);
}

interface Intrinsic {
  readonly Ref?: string;
  readonly 'Fn::GetAtt'?: readonly string[];
  readonly 'Fn::Join'?: readonly [string, readonly unknown[]];
}
