import { LiveHub } from '../../api/live/hub.ts';
import type { SubscribeMessage } from '../../api/live/messages.ts';
import { ApiMetrics } from '../../api/metrics.ts';
import { assert } from '../../schemas/errors.ts';
import type { LiveTopic, Panel, Update } from '../../schemas/panel.ts';
import { MINUTE_MS } from '../../schemas/time.ts';
import { ManualClock } from './manual-clock.ts';
import { MemoryEngine } from './memory-engine.ts';
import { MemoryViewer } from './memory-viewer.ts';

/** Where the tests' time starts. */
export const T0 = Date.UTC(2026, 2, 1, 10);
/** Bytes that may wait in a connection of `openHub`. */
export const BUFFERED_BYTES_MAX = 1_000;

/** A panel of sums in windows of a minute. */
export const CHANNELS = panel({
  topic: 'channels',
  table: 'channel_1m_rows',
  key: ['window_start', 'channel'],
  sums: ['clicks'],
  columns: ['window_start', 'channel', 'clicks', 'state'],
});
/** A panel of whole rows. */
export const ALERTS = panel({
  topic: 'alerts',
  table: 'alerts_rows',
  key: ['alert_id'],
  sums: [],
  columns: ['alert_id', 'state'],
});

function panel(options: {
  readonly topic: LiveTopic;
  readonly table: string;
  readonly key: readonly string[];
  readonly sums: readonly string[];
  readonly columns: readonly string[];
}): Panel {
  const { topic, table, key, sums, columns } = options;
  return {
    topic,
    path: topic,
    needs: [],
    live: {
      table,
      key,
      sums,
      retentionMs: undefined,
      rowsMax: 10_000,
      windowMs: sums.length > 0 ? MINUTE_MS : undefined,
    },
    query: {
      views: {},
      columns,
      filters: columns,
      timeColumn: undefined,
      orderBy: key,
    },
  };
}

/** What one task has counted for a minute and channel. */
export function clicks(channel: string, count: number, version: number, minute = 0): Update {
  return {
    table: 'channel_1m_rows',
    task: 'visitor-0',
    version,
    row: { window_start: T0 + minute * MINUTE_MS, corrected_on: 0, channel, clicks: count },
  };
}

/** An alert as the engine publishes it. */
export function alert(id: string, state: string, version: number): Update {
  return {
    table: 'alerts_rows',
    task: 'sku-0',
    version,
    row: { alert_id: id, state, withdrawn: state === 'withdrawn' },
  };
}

/** A hub over a memory engine, not started. */
export function openHub(
  options: { readonly viewersMax?: number; readonly bufferedBytesMax?: number } = {},
): {
  readonly hub: LiveHub;
  readonly engine: MemoryEngine;
  readonly clock: ManualClock;
  readonly metrics: ApiMetrics;
} {
  const engine = new MemoryEngine();
  const clock = new ManualClock(T0);
  const metrics = new ApiMetrics();
  const hub = new LiveHub({
    engine,
    panels: [CHANNELS, ALERTS],
    clock,
    limits: { bufferedBytesMax: BUFFERED_BYTES_MAX, viewersMax: 10, ...options },
    counter: metrics,
    firstSeq: T0,
  });
  return { hub, engine, clock, metrics };
}

/** A client's wish to subscribe. */
export function wish(topic: LiveTopic, options: Partial<SubscribeMessage> = {}): SubscribeMessage {
  return {
    kind: 'subscribe',
    id: 'a',
    topic,
    filter: undefined,
    resumeFrom: undefined,
    ...options,
  };
}

/** A viewer with one subscription. */
export function joined(hub: LiveHub, request: SubscribeMessage): MemoryViewer {
  const viewer = new MemoryViewer();
  hub.join(viewer);
  assert(hub.subscribe(viewer, request) === undefined, 'the subscription is not refused');
  return viewer;
}
