import type { RecordBatch } from '../log/log.ts';

/**
 * The import in whose lane goes what a record causes; undefined for none. Records of one lane keep their
 * order, those of two may not: so links between ids have none, imported or not, and every id hears of
 * them in the order in which the control task took them.
 */
export function laneOf({ importName }: RecordBatch, event: object): string | undefined {
  return 'kind' in event && event.kind === 'identity' ? undefined : importName;
}
