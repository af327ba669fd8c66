import type { PipelineRow } from '../live/rows.ts';

/** Where received events go, in the order they are shown. */
export const OUTCOMES = [
  'contributed',
  'duplicate',
  'late',
  'dead_lettered',
  'quarantined',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Received minus the outcomes: 0 when every event is accounted for, positive when some are missing. */
export function unaccounted(pipeline: PipelineRow): number {
  return OUTCOMES.reduce((rest, outcome) => rest - pipeline[outcome], pipeline.received);
}
