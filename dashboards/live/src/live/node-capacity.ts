import { isJsonObject, numberIn, textIn } from './rows.ts';

/** Room at one node, of one area. */
export interface NodeCapacity {
  readonly area: string;
  readonly nodeId: string;
  readonly capacity: number;
  readonly used: number;
  /** BREACH, TARGET or ROOM. */
  readonly state: string;
  /** Units to move away, and to which node; 0 when none need to, or nobody has room. */
  readonly shiftUnits: number;
  readonly shiftTo: string;
}

/** Where the newest readings are. */
export const CAPACITY_PATH = '/v1/fulfilment/capacity?limit=200';

/** @throws {TypeError} when the answer is none of rows */
export function parseCapacity(answer: unknown): readonly NodeCapacity[] {
  const rows = isJsonObject(answer) ? answer['rows'] : undefined;
  if (!Array.isArray(rows)) throw new TypeError('Expected rows of capacity, got something else');
  return rows.flatMap((row) => {
    if (!isJsonObject(row)) return [];
    const nodeId = textIn(row, 'node_id');
    const capacity = numberIn(row, 'capacity') ?? 0;
    if (nodeId === undefined || capacity <= 0) return [];
    return [
      {
        area: textIn(row, 'area') ?? '',
        nodeId,
        capacity,
        used: numberIn(row, 'used') ?? 0,
        state: textIn(row, 'state') ?? '',
        shiftUnits: numberIn(row, 'shift_units') ?? 0,
        shiftTo: textIn(row, 'shift_to') ?? '',
      },
    ];
  });
}
