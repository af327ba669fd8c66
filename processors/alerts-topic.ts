import { ALERTS } from '../schemas/alert.ts';
import type { UpdateBatch } from '../schemas/panel.ts';
import { DAY_MS } from '../schemas/time.ts';
import { type UpdatesOptions, ensureToldTopic } from './engine/log/kafka-updates.ts';

/** How long an alert's changes can be read: a program that is away longer finds them in `weir.alerts`. */
const RETENTION_MS = 7 * DAY_MS;

/** The topic by which other programs follow alerts. */
export function alertsTopic(clientId: string): string {
  return `${clientId}.alerts`;
}

/**
 * Waits for a broker and creates the topic if it is missing.
 *
 * @throws {EngineError} KAFKA_REFUSED, LOG_PARTITION_COUNT_CHANGED
 */
export function ensureAlertsTopic(options: UpdatesOptions): Promise<void> {
  const topic = alertsTopic(options.settings.clientId);
  return ensureToldTopic({ ...options, topic, retentionMs: RETENTION_MS });
}

/**
 * The alerts among updates, each as JSON: the columns of `weir.alerts`, `withdrawn`, and `epoch`, which
 * grows when another process takes the partition over. A reader keeps the newest of an alert, and drops
 * what has a lower epoch than it has seen in the partition.
 */
export function encodeAlerts(batch: UpdateBatch, epoch: number): readonly Buffer[] {
  return batch.updates
    .filter(({ table }) => table === ALERTS.name)
    .map(({ row }) => Buffer.from(JSON.stringify({ ...row, epoch })));
}
