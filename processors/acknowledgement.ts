import { randomUUID } from 'node:crypto';

import { encodeEvent } from '../schemas/events/wire.ts';
import { partitionOf } from '../schemas/ids.ts';
import type { AppendBatch } from './engine/log/log.ts';

/** The record by which a person takes an alert over. */
export function acknowledgement(
  alert: {
    readonly alertId: string;
    readonly entityKey: string;
    readonly nodeId: string;
    readonly actor: string;
  },
  { nowMs, partitions }: { readonly nowMs: number; readonly partitions: number },
): AppendBatch {
  const topic = 'weir.internal.sku';
  const event = {
    event_id: randomUUID(),
    occurred_at: nowMs,
    source: 'api',
    sku: alert.entityKey,
    kind: 'acknowledged',
    node_id: alert.nodeId,
    quantity: 0,
    demand: 0,
    order_id: null,
    sales_channel: null,
    alert_id: alert.alertId,
    actor: alert.actor,
  } as const;
  const partition = partitionOf(alert.entityKey, partitions);
  return { topic, partition, values: [encodeEvent(topic, event)] };
}
