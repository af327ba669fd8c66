import { randomUUID } from 'node:crypto';

import { encodeEvent } from '../schemas/events/wire.ts';
import { visitorToken } from '../schemas/ids.ts';
import type { Decision } from '../schemas/ports.ts';
import type { AppendBatch } from './engine/log/log.ts';

/** The record by which a person clears or confirms the verdict on a visitor. */
export function decisionRecord(decision: Decision, nowMs: number): AppendBatch {
  const topic = 'weir.internal.visitor';
  const id = randomUUID();
  const event = {
    event_id: id,
    occurred_at: nowMs,
    source: 'api',
    visitor_id: visitorToken(decision.visitorToken),
    kind: decision.isCleared ? 'cleared' : 'confirmed',
    evidence: id,
    revision: 1,
    about: decision.aboutMs,
    reason: 'person',
    actor: decision.actor,
  } as const;
  return { topic, partition: decision.partition, values: [encodeEvent(topic, event)] };
}
