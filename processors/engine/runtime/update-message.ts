import { pack, unpack } from 'msgpackr';

import { erase } from '../../../schemas/brand.ts';
import type { UpdateBatch } from '../../../schemas/panel.ts';
import type { EventCounts, IdentityCounts, TaskStatus } from '../../../schemas/ports.ts';

/** How one partition is doing. */
export interface PartitionStatus {
  readonly partition: number;
  /** Of the events that users sent. */
  readonly counts: EventCounts;
  readonly tasks: readonly TaskStatus[];
  /** UTC milliseconds; null until there is one. */
  readonly watermarkMs: number | null;
  readonly isIdle: boolean;
  readonly checkpoint: {
    readonly sequence: number;
    readonly ageMs: number;
    readonly durationMs: number;
  };
  readonly pendingRows: number;
  readonly isSinkHealthy: boolean;
  readonly identities: IdentityCounts;
  /** Processors that its process does not run; absent in messages of before they could be chosen. */
  readonly processorsOff?: readonly string[];
  readonly sentAtMs: number;
}

/** What processors tell api nodes of one partition. A reader drops what has a lower epoch than it has seen. */
export type UpdateMessage = {
  readonly format: 1;
  readonly partition: number;
  readonly epoch: number;
} & (
  | { readonly kind: 'updates'; readonly batch: UpdateBatch }
  | { readonly kind: 'status'; readonly status: PartitionStatus }
);

/** Rows in one message: some 100 KiB. */
const UPDATES_MAX = 300;

/** A batch as messages of bounded size. */
export function encodeUpdates(
  batch: UpdateBatch,
  from: { readonly partition: number; readonly epoch: number },
): readonly Buffer[] {
  const { updates, newestEventMs, newestAppendedMs } = batch;
  const messages: Buffer[] = [];
  for (let at = 0; at < updates.length; at += UPDATES_MAX) {
    const part = { updates: updates.slice(at, at + UPDATES_MAX), newestEventMs, newestAppendedMs };
    messages.push(encodeMessage({ format: 1, ...from, kind: 'updates', batch: part }));
  }
  return messages;
}

/** A message for the updates topic. */
export function encodeMessage(message: UpdateMessage): Buffer {
  return pack(message);
}

/** Undefined for a message of another format, which another release may have sent. */
export function decodeMessage(bytes: Uint8Array): UpdateMessage | undefined {
  // Written by `encodeMessage`; only Weir writes to the topic.
  const message = erase<UpdateMessage>(unpack(bytes));
  return message.format === 1 ? message : undefined;
}
