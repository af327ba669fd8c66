import { ALERTS, type AlertKind, type AlertOwners, alertValues } from '../../schemas/alert.ts';
import type { Inventory } from '../../schemas/events/inventory.ts';
import { MINUTE_MS } from '../../schemas/time.ts';
import {
  type Incident,
  type IncidentChange,
  acknowledgementOf,
  alertIdOf,
  changedIncidents,
  incidentsOf,
  withAcknowledgement,
} from '../engine/operator/incident.ts';
import {
  type Operator,
  type Output,
  type RecordContext,
  defineOperator,
} from '../engine/operator/operator.ts';
import {
  type Breach,
  type NodeCapacity,
  breachesOf,
  newestReading,
  settle,
  takeReading,
} from './capacity-level.ts';
import { DEFAULT_NODE_ID, NODE_CAPACITY } from './row.ts';

/** What the capacity operator may be told. */
export interface CapacityConfig {
  /** How far behind the watermark an event may still arrive, milliseconds. */
  readonly allowedLatenessMs: number;
  readonly owners: AlertOwners;
}

/** The nodes of one area, by the id that capacity events have as their SKU. */
interface AreaState {
  nodes: NodeCapacity[];
  readingCount: number;
}

/** Nodes of one area, as many as a SKU has. Beyond it events are counted, not used. */
const NODES_MAX = 4_096;

/** Readings of a node kept while they can still be corrected: one every six minutes for a day. */
const READINGS_MAX = 256;

/** Rough sizes for the memory bound. */
const NODE_BYTES = 300;
const READING_BYTES = 100;

const KIND = 'capacity_low' satisfies AlertKind;

/** Follows how much of every node's capacity is free, and opens an incident where it is too little. */
export function createCapacityOperator(config: CapacityConfig): Operator {
  return defineOperator<AreaState>({
    name: 'node-capacity',
    stage: 'sku',
    stateVersion: 1,
    createState: () => ({ nodes: [], readingCount: 0 }),
    apply: {
      'weir.inventory': (state, event, output, record) => {
        if (event.kind === 'capacity') takeCapacity(state, event, { config, output, record });
      },
      'weir.internal.sku': (state, event, output) => {
        if (event.kind !== 'acknowledged') return;
        for (const node of state.nodes) {
          const taken = acknowledgementOf(event, [event.sku, node.nodeId]);
          if (taken?.kind !== KIND) continue;
          writing(node, { area: event.sku, config, output }, () => {
            node.acknowledgements = withAcknowledgement(node.acknowledgements, taken);
          });
        }
      },
    },
    // A reading holds until another one comes.
    expiresAtMs: () => Number.POSITIVE_INFINITY,
    stateBytes: ({ nodes, readingCount }) =>
      nodes.length * NODE_BYTES + readingCount * READING_BYTES,
  });
}

/** Where results of an area go. */
interface Place {
  readonly area: string;
  readonly config: CapacityConfig;
  readonly output: Output;
}

function takeCapacity(
  state: AreaState,
  event: Inventory,
  {
    config,
    output,
    record,
  }: {
    readonly config: CapacityConfig;
    readonly output: Output;
    readonly record: RecordContext;
  },
): void {
  const { capacity, used, occurred_at: timeMs, event_id: eventId } = event;
  if (capacity === null || used === null || capacity < 1) {
    output.count('FULFILMENT_CAPACITY_INCOMPLETE');
    return;
  }
  const node = nodeOf(state, event.node_id, output);
  if (node === undefined) return;
  state.readingCount -= node.readings.length;
  writing(node, { area: event.sku, config, output }, () => {
    if (!takeReading(node, { timeMs, eventId, capacity, used })) {
      output.count('FULFILMENT_CAPACITY_TOO_OLD');
    }
  });
  // A minute more, as late events are refused by the minute.
  const horizonMs = record.watermarkMs - config.allowedLatenessMs - MINUTE_MS;
  if (settle(node, horizonMs, READINGS_MAX)) output.count('FULFILMENT_CAPACITY_HISTORY_FULL');
  state.readingCount += node.readings.length;
}

function nodeOf(
  state: AreaState,
  givenId: string | null,
  output: Output,
): NodeCapacity | undefined {
  const nodeId = givenId === null || givenId === '' ? DEFAULT_NODE_ID : givenId;
  const known = state.nodes.find((node) => node.nodeId === nodeId);
  if (known !== undefined) return known;
  if (state.nodes.length >= NODES_MAX) {
    output.count('FULFILMENT_NODE_LIMIT');
    return undefined;
  }
  const node = { nodeId, settled: null, opening: null, readings: [], acknowledgements: null };
  state.nodes = [...state.nodes, node];
  return node;
}

/** Changes a node, and writes the rows that differ afterwards. */
function writing(node: NodeCapacity, place: Place, change: () => void): void {
  const before = incidentsOfNode(node);
  const rowBefore = currentValues(node, place.area);
  change();
  const row = currentValues(node, place.area);
  if (row !== undefined && JSON.stringify(row) !== JSON.stringify(rowBefore)) {
    place.output.upsert(NODE_CAPACITY, row);
  }
  const isSame = (a: Breach, b: Breach): boolean => a.opening.eventId === b.opening.eventId;
  for (const changed of changedIncidents(before, incidentsOfNode(node), isSame)) {
    writeIncident(node.nodeId, changed, place);
  }
}

function incidentsOfNode(node: NodeCapacity): readonly Incident<Breach>[] {
  return incidentsOf(breachesOf(node), node.acknowledgements ?? []);
}

/** The row of the newest reading; undefined before the first. */
function currentValues(node: NodeCapacity, area: string) {
  const newest = newestReading(node);
  if (newest === undefined) return undefined;
  const breach = breachesOf(node).at(-1);
  const sinceMs = breach?.resolvedMs === null ? breach.openedMs : null;
  return [area, node.nodeId, newest.capacity, newest.used, sinceMs, newest.timeMs];
}

function writeIncident(
  nodeId: string,
  { incident: { spell, acknowledgement }, isWithdrawn }: IncidentChange<Breach>,
  { area, config, output }: Place,
): void {
  const { capacity, used } = spell.opening;
  const free = Math.floor((100 * (capacity - used)) / capacity);
  const values = alertValues({
    alertId: alertIdOf(KIND, [area, nodeId], spell.openedMs),
    kind: KIND,
    subject: `${nodeId}, ${area}`,
    entityKey: area,
    sku: '',
    nodeId,
    openedAtMs: spell.openedMs,
    acknowledgedAtMs: acknowledgement?.timeMs,
    acknowledgedBy: acknowledgement?.actor,
    resolvedAtMs: spell.resolvedMs ?? undefined,
    cost: undefined,
    owner: config.owners[KIND],
    detail: isWithdrawn
      ? `Withdrawn: a late event changed the capacity of ${nodeId}`
      : `${used} of ${capacity} units in use, ${free} % free; weir.node_capacity says what to move where`,
    isWithdrawn,
  });
  output.upsert(ALERTS, values);
}
