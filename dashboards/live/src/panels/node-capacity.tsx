import { useEffect } from 'preact/hooks';

import type { NodeCapacity } from '../live/node-capacity.ts';
import type { Polled } from '../live/polled.ts';
import { formatCount, formatShare } from '../numbers/format.ts';

/** Nodes listed, the fullest first. */
const SHOWN_MAX = 8;

/** How much room the nodes have, and what to move where; nothing while no node says. */
export function NodeCapacityList(props: {
  readonly capacity: Polled<readonly NodeCapacity[]>;
  readonly nowMs: number;
}) {
  const { capacity, nowMs } = props;
  useEffect(() => void capacity.refresh(), [capacity, nowMs]);
  const nodes = (capacity.value ?? []).toSorted((a, b) => freeOf(a) - freeOf(b));
  if (nodes.length === 0) return null;
  return (
    <table class="cards" role="table" data-table="capacity">
      <caption class="unseen">Room at the nodes, the fullest first</caption>
      <thead role="rowgroup">
        <tr role="row">
          {['Node', 'Area', 'In use', 'Free', 'To move'].map((name) => (
            <th role="columnheader" scope="col" key={name}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {nodes.slice(0, SHOWN_MAX).map((node) => (
          <tr role="row" key={`${node.area} ${node.nodeId}`}>
            <th role="rowheader" scope="row">
              {node.nodeId}
            </th>
            <td role="cell" data-label="Area" class="text">
              {node.area}
            </td>
            <td role="cell" data-label="In use">
              {formatCount(node.used)} of {formatCount(node.capacity)}
            </td>
            <td role="cell" data-label="Free">
              <span class={`badge ${node.state === 'BREACH' ? 'bad' : 'plain'}`}>
                {formatShare(freeOf(node))}
              </span>
            </td>
            <td role="cell" data-label="To move" class="text">
              {node.shiftUnits > 0 ? `${formatCount(node.shiftUnits)} to ${node.shiftTo}` : ''}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function freeOf({ capacity, used }: NodeCapacity): number {
  return 1 - used / capacity;
}
