import { type JsonObject, instantIn, isJsonObject, numberIn, textIn } from './rows.ts';

/** Topics that this page shows. */
export const PAGE_TOPICS = [
  'channels',
  'bots',
  'bot_withdrawals',
  'verdicts',
  'attribution',
  'stock',
  'parity',
  'fulfilment',
  'alerts',
  'pipeline',
] as const;
export type PageTopic = (typeof PAGE_TOPICS)[number];

/** What the server says, after checking. Rows are still unknown: the topic decides how to read them. */
export type ServerMessage =
  | {
      readonly kind: 'snapshot';
      readonly id: string | undefined;
      readonly topic: PageTopic;
      readonly seq: number;
      readonly rows: readonly JsonObject[];
      readonly watermark: number | undefined;
    }
  | {
      readonly kind: 'update';
      readonly id: string | undefined;
      readonly topic: PageTopic;
      readonly seq: number;
      readonly rows: readonly JsonObject[];
      readonly sentAt: number | undefined;
      readonly newestEventAt: number | undefined;
      readonly pipelineMs: number | undefined;
      readonly watermark: number | undefined;
    }
  | { readonly kind: 'alert'; readonly row: JsonObject }
  | { readonly kind: 'pong' }
  | { readonly kind: 'error'; readonly code: string; readonly message: string };

/** Reads one message; undefined for what this page does not know, so that a newer server may say more. */
export function parseMessage(text: string): ServerMessage | undefined {
  const message = parseJson(text);
  if (message === undefined) return undefined;
  switch (message['type']) {
    case 'snapshot':
    case 'update':
      return parseRows(message);
    case 'alert': {
      const row = message['row'];
      return { kind: 'alert', row: isJsonObject(row) ? row : message };
    }
    case 'pong':
      return { kind: 'pong' };
    case 'error':
      return {
        kind: 'error',
        code: textIn(message, 'code') ?? 'UNKNOWN',
        message: textIn(message, 'message') ?? '',
      };
    default:
      return undefined;
  }
}

/** Asks for a topic; `resumeFrom` is the last `seq` that was applied. */
export function subscribeMessage(subscription: {
  readonly id: string;
  readonly topic: PageTopic;
  readonly filter: Readonly<Record<string, readonly string[]>>;
  readonly resumeFrom: number | undefined;
}): string {
  const { id, topic, filter, resumeFrom } = subscription;
  return JSON.stringify({
    type: 'subscribe',
    id,
    topic,
    ...(Object.keys(filter).length === 0 ? {} : { filter }),
    ...(resumeFrom === undefined ? {} : { resume_from: resumeFrom }),
  });
}

export function unsubscribeMessage(id: string): string {
  return JSON.stringify({ type: 'unsubscribe', id });
}

export const PING_MESSAGE = JSON.stringify({ type: 'ping' });

function parseJson(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function parseRows(message: JsonObject): ServerMessage | undefined {
  const topic = PAGE_TOPICS.find((known) => known === message['topic']);
  const seq = numberIn(message, 'seq');
  const list = message['rows'];
  if (topic === undefined || seq === undefined || !Array.isArray(list)) return undefined;
  const id = textIn(message, 'id');
  const rows = list.filter(isJsonObject);
  const watermark = instantIn(message, 'watermark');
  if (message['type'] === 'snapshot') {
    return { kind: 'snapshot', id, topic, seq, rows, watermark };
  }
  return {
    kind: 'update',
    id,
    topic,
    seq,
    rows,
    sentAt: instantIn(message, 'sent_at'),
    newestEventAt: instantIn(message, 'newest_event_at'),
    pipelineMs: numberIn(message, 'pipeline_ms'),
    watermark,
  };
}
