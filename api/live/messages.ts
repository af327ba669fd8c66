import { parse } from 'secure-json-parse';

import { LIVE_TOPICS, type LiveTopic, type Panel } from '../../schemas/panel.ts';
import {
  FILTER_COLUMNS_MAX,
  FILTER_VALUES_MAX,
  FILTER_VALUE_LENGTH_MAX,
  type Filter,
  NO_FILTER,
} from './filter.ts';
import type { ViewRow } from './view.ts';

/** The WebSocket subprotocol of this version of the messages. */
export const SUBPROTOCOL = 'weir.v1';

/** Longest id a client may give a subscription, in UTF-16 units: it is repeated in every message. */
export const SUBSCRIPTION_ID_LENGTH_MAX = 64;

/** Why a client's message was refused. Never renamed; docs/errors.md explains each. */
export const LIVE_ERROR_CODES = [
  'LIVE_FILTER_INVALID',
  'LIVE_ID_IN_USE',
  'LIVE_MESSAGE_INVALID',
  'LIVE_SUBSCRIPTION_LIMIT',
  'LIVE_SUBSCRIPTION_UNKNOWN',
  'LIVE_TOPIC_UNKNOWN',
] as const;
export type LiveErrorCode = (typeof LIVE_ERROR_CODES)[number];

/** A refusal that goes to the client; `id` is the subscription it is about, when there is one. */
export interface LiveError {
  readonly code: LiveErrorCode;
  readonly message: string;
  readonly id?: string;
}

export interface SubscribeMessage {
  readonly kind: 'subscribe';
  readonly id: string;
  readonly topic: LiveTopic;
  /** Column → wanted values as sent; checked against the panel by `parseFilter`. */
  readonly filter: unknown;
  readonly resumeFrom: number | undefined;
}

export type ClientMessage =
  | SubscribeMessage
  | { readonly kind: 'unsubscribe'; readonly id: string }
  | { readonly kind: 'ping' }
  | { readonly kind: 'refused'; readonly error: LiveError };

/** Reads one text message of a client. */
export function parseClientMessage(text: string): ClientMessage {
  let message: unknown;
  try {
    message = parse(text, undefined, { protoAction: 'error', constructorAction: 'error' });
  } catch {
    return refused('Expected one JSON object per message');
  }
  if (!isObject(message)) return refused('Expected one JSON object per message');
  switch (message['type']) {
    case 'ping':
      return { kind: 'ping' };
    case 'unsubscribe': {
      const id = message['id'];
      return isId(id) ? { kind: 'unsubscribe', id } : refused(ID_EXPECTED);
    }
    case 'subscribe':
      return parseSubscribe(message);
    default:
      return refused('Expected type subscribe, unsubscribe or ping');
  }
}

const ID_EXPECTED = `Expected id: a text of 1 to ${SUBSCRIPTION_ID_LENGTH_MAX} characters`;

function parseSubscribe(message: Readonly<Record<string, unknown>>): ClientMessage {
  const { id, topic, filter, resume_from: resumeFrom } = message;
  if (!isId(id)) return refused(ID_EXPECTED);
  if (!isLiveTopic(topic)) {
    return {
      kind: 'refused',
      error: {
        code: 'LIVE_TOPIC_UNKNOWN',
        message: `Expected a topic among ${LIVE_TOPICS.join(', ')}`,
        id,
      },
    };
  }
  if (
    resumeFrom !== undefined &&
    (typeof resumeFrom !== 'number' || !Number.isSafeInteger(resumeFrom))
  ) {
    return refused('Expected resume_from: the seq of the last message received', id);
  }
  return { kind: 'subscribe', id, topic, filter, resumeFrom };
}

/**
 * Checks a client's `{column: [values]}` against what `panel` can be filtered by.
 *
 * @returns the filter, or in words what was wrong with it
 */
export function parseFilter(panel: Panel, filter: unknown): Filter | string {
  if (filter === undefined || filter === null) return NO_FILTER;
  if (!isObject(filter)) return 'Expected filter: an object of column names and lists of values';
  const allowed = new Set([...panel.query.filters, ...panel.live.key]);
  const entries = Object.entries(filter);
  if (entries.length > FILTER_COLUMNS_MAX) return `Expected at most ${FILTER_COLUMNS_MAX} columns`;
  const parsed = new Map<string, ReadonlySet<string>>();
  for (const [column, values] of entries) {
    if (!allowed.has(column)) {
      return `Expected columns among ${[...allowed].join(', ')} for topic ${panel.topic}`;
    }
    const list: readonly unknown[] = Array.isArray(values) ? values : [values];
    const texts = new Set<string>();
    for (const value of list) {
      if (!isFilterValue(value)) {
        return `Expected texts of at most ${FILTER_VALUE_LENGTH_MAX} characters, numbers or booleans as filter values`;
      }
      texts.add(String(value));
    }
    if (texts.size === 0 || texts.size > FILTER_VALUES_MAX) {
      return `Expected 1 to ${FILTER_VALUES_MAX} values for each column of a filter`;
    }
    parsed.set(column, texts);
  }
  return parsed;
}

/** The part of a `snapshot` that is the same for every subscription with this topic and filter. */
export function snapshotTail(options: {
  readonly topic: LiveTopic;
  readonly seq: number;
  readonly rows: readonly ViewRow[];
  readonly asOfMs: number;
  readonly watermarkMs: number | null;
}): string {
  const { topic, seq, rows, asOfMs, watermarkMs } = options;
  return `"topic":"${topic}","seq":${seq},"rows":${rowsJson(rows)},"as_of":${asOfMs},"watermark":${watermarkMs}}`;
}

/** The part of an `update` that is the same for every subscription with this topic and filter. */
export function updateTail(options: {
  readonly topic: LiveTopic;
  readonly seq: number;
  readonly rows: readonly ViewRow[];
  readonly sentAtMs: number;
  /** Null until the topic has seen an event. */
  readonly newestEventMs: number | null;
  /** Null when no event caused the change, as when the watermark passed a window. */
  readonly pipelineMs: number | null;
  readonly watermarkMs: number | null;
}): string {
  const { topic, seq, rows, sentAtMs, newestEventMs, pipelineMs, watermarkMs } = options;
  return (
    `"topic":"${topic}","seq":${seq},"rows":${rowsJson(rows)},"sent_at":${sentAtMs},` +
    `"newest_event_at":${newestEventMs},"pipeline_ms":${pipelineMs},"watermark":${watermarkMs}}`
  );
}

/** Puts a message together from its type, the subscription's id and the shared rest. */
export function subscribedMessage(type: 'snapshot' | 'update', id: string, tail: string): string {
  return `{"type":"${type}","id":${JSON.stringify(id)},${tail}`;
}

export function alertMessage(row: ViewRow): string {
  return `{"type":"alert",${row.json.slice(1)}`;
}

export const PONG_MESSAGE = '{"type":"pong"}';

export function errorMessage(error: LiveError): string {
  return JSON.stringify({ type: 'error', ...error });
}

/** Rows are encoded once when they change; here they are only joined. */
function rowsJson(rows: readonly ViewRow[]): string {
  return `[${rows.map((row) => row.json).join(',')}]`;
}

function refused(text: string, id?: string): ClientMessage {
  const error: LiveError = { code: 'LIVE_MESSAGE_INVALID', message: text };
  return { kind: 'refused', error: id === undefined ? error : { ...error, id } };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isId(value: unknown): value is string {
  return (
    typeof value === 'string' && value.length > 0 && value.length <= SUBSCRIPTION_ID_LENGTH_MAX
  );
}

function isLiveTopic(value: unknown): value is LiveTopic {
  return LIVE_TOPICS.some((topic) => topic === value);
}

function isFilterValue(value: unknown): value is string | number | boolean {
  if (typeof value === 'string') return value.length <= FILTER_VALUE_LENGTH_MAX;
  return typeof value === 'number' || typeof value === 'boolean';
}
