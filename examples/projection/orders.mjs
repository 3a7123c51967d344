// Paid orders, without what tells who the customer is. Values are those of DynamoDB: { S: 'text' }, { N: '1' }.

/** @returns the item of the twin, or undefined to leave the item out. */
export function project(item, { source }) {
  if (item.paid?.BOOL !== true) return undefined;
  const { email, photo: _, address: __, ...kept } = item;
  const domain = email?.S?.split('@')[1];
  return {
    ...kept,
    ...(domain && { emailDomain: { S: domain } }),
    copiedFrom: { S: source.region },
  };
}
