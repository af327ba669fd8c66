/** The processors that a user can choose, in the order in which an event meets them. */
export const PROCESSOR_NAMES = [
  'bots',
  'traffic',
  'attribution',
  'lift',
  'stock',
  'fulfilment',
  'parity',
] as const;
export type ProcessorName = (typeof PROCESSOR_NAMES)[number];
