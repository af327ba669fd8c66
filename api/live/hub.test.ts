import { expect, test } from 'vitest';

import { MINUTE_MS, SECOND_MS } from '../../schemas/time.ts';
import {
  BUFFERED_BYTES_MAX,
  CHANNELS,
  T0,
  alert,
  clicks,
  joined,
  openHub,
  wish,
} from '../../test/doubles/live-hub.ts';
import { ManualClock } from '../../test/doubles/manual-clock.ts';
import { MemoryViewer } from '../../test/doubles/memory-viewer.ts';
import { ApiMetrics } from '../metrics.ts';
import { BEHIND_MS_MAX, LiveHub, SUBSCRIPTIONS_MAX } from './hub.ts';
import type { SubscribeMessage } from './messages.ts';

test('a subscription starts with all rows and goes on with the changed ones', () => {
  const { hub, engine, clock } = openHub();
  engine.setStatus({ watermark: T0 });
  engine.publish([clicks('dtc', 1, 1), clicks('amazon', 1, 1)]);
  hub.start();
  const viewer = joined(hub, wish('channels'));
  const [snapshot] = viewer.take();
  expect(snapshot).toMatchObject({ type: 'snapshot', id: 'a', topic: 'channels', as_of: T0 });
  expect(snapshot?.rows).toHaveLength(2);

  clock.advance(100);
  engine.publish([clicks('dtc', 5, 2)], { newestEventMs: T0 + 40, newestAppendedMs: T0 + 60 });
  expect(viewer.take()).toEqual([
    {
      type: 'update',
      id: 'a',
      topic: 'channels',
      seq: Number(snapshot?.seq) + 1,
      rows: [{ window_start: T0, channel: 'dtc', clicks: 5, state: 'provisional' }],
      sent_at: T0 + 100,
      newest_event_at: T0 + 40,
      pipeline_ms: 40,
      watermark: T0,
    },
  ]);
});

test('a filter lets only its rows through', () => {
  const { hub, engine } = openHub();
  hub.start();
  const viewer = joined(hub, wish('channels', { filter: { channel: ['amazon'] } }));
  viewer.take();
  engine.publish([clicks('dtc', 1, 1)]);
  engine.publish([clicks('dtc', 2, 2), clicks('amazon', 1, 1)]);
  expect(viewer.take().map(({ rows }) => rows?.map((row) => row['channel']))).toEqual([['amazon']]);
});

test('a row that leaves a filter is sent once more', () => {
  const { hub, engine } = openHub();
  hub.start();
  const viewer = joined(hub, wish('alerts', { filter: { state: ['open'] } }));
  engine.publish([alert('1', 'open', 1)]);
  viewer.take();
  engine.publish([alert('1', 'resolved', 2)]);
  engine.publish([alert('1', 'archived', 3)]);
  expect(viewer.take().map(({ rows }) => rows)).toEqual([[{ alert_id: '1', state: 'resolved' }]]);
});

test('a new open alert is announced, and only once', () => {
  const { hub, engine } = openHub();
  engine.publish([alert('old', 'open', 1)]);
  hub.start();
  const viewer = joined(hub, wish('alerts'));
  viewer.take();
  engine.publish([alert('new', 'open', 1), alert('settled', 'resolved', 1)]);
  engine.publish([alert('new', 'acknowledged', 2), alert('old', 'resolved', 2)]);
  engine.publish([alert('new', 'withdrawn', 3)]);
  const messages = viewer.take();
  expect(messages.filter(({ type }) => type === 'alert')).toEqual([
    { type: 'alert', alert_id: 'new', state: 'open' },
  ]);
  expect(messages.at(-1)?.rows).toEqual([{ alert_id: 'new', state: 'withdrawn', withdrawn: true }]);
});

test('rows whose window the watermark has passed are sent with their new state', () => {
  const { hub, engine, clock } = openHub();
  engine.setStatus({ watermark: T0 });
  engine.publish([clicks('dtc', 1, 1)]);
  hub.start();
  const viewer = joined(hub, wish('channels'));
  viewer.take();
  engine.setStatus({ watermark: T0 + MINUTE_MS, allowed_lateness_ms: MINUTE_MS });
  clock.advance(SECOND_MS);
  expect(viewer.take()).toMatchObject([
    { type: 'update', pipeline_ms: null, rows: [{ channel: 'dtc', clicks: 1, state: 'matured' }] },
  ]);
});

test('the topic pipeline tells once a second how the engine is doing', () => {
  const { hub, engine, clock } = openHub();
  hub.start();
  const viewer = joined(hub, wish('pipeline'));
  clock.advance(SECOND_MS);
  const counts = {
    received: 5_000,
    contributed: 4_000,
    duplicate: 600,
    late: 300,
    dead_lettered: 90,
    quarantined: 10,
  };
  engine.setStatus({ counts, problems: ['ClickHouse is away', 'the log grows'], ready: false });
  clock.advance(SECOND_MS);
  expect(viewer.read.at(-1)?.rows).toEqual([
    {
      key: 'pipeline',
      ready: false,
      problems: 'ClickHouse is away; the log grows',
      processors_off: '',
      watermark: null,
      lag_records: 0,
      ...counts,
      unaccounted: 0,
      checkpoint_age_ms: 0,
      checkpoint_ms: 0,
      pending_rows: 0,
      events_per_second: 5_000,
      audit_checked_rows: 0,
      audit_differences: 0,
      audit_last_at: null,
    },
  ]);
});

test('resuming continues with what was missed; from an unknown number it starts over', () => {
  const { hub, engine } = openHub();
  hub.start();
  const first = joined(hub, wish('channels'));
  engine.publish([clicks('dtc', 1, 1)]);
  const seq = first.read.at(-1)?.seq;
  hub.leave(first);
  engine.publish([clicks('amazon', 1, 1)]);
  engine.publish([clicks('amazon', 2, 2)]);

  const again = joined(hub, wish('channels', { resumeFrom: Number(seq) }));
  expect(again.take()).toMatchObject([
    { type: 'update', seq: Number(seq) + 2, rows: [{ channel: 'amazon', clicks: 2 }] },
  ]);
  for (const unknown of [0, Number(seq) - 1_000_000, Number(seq) + 1_000_000]) {
    const other = joined(hub, wish('channels', { resumeFrom: unknown }));
    expect(other.take()).toMatchObject([{ type: 'snapshot' }]);
  }
});

test('a number of another process is not resumed from', () => {
  const { hub, engine } = openHub();
  hub.start();
  for (let version = 1; version <= 40; version += 1)
    engine.publish([clicks('dtc', version, version)]);
  const seq = Number(joined(hub, wish('channels')).read[0]?.seq);
  // Well beyond 40 changes from here, below and above.
  for (const firstSeq of [seq - 1_000, seq + 1_000]) {
    const other = new LiveHub({
      engine,
      panels: [CHANNELS],
      clock: new ManualClock(T0),
      limits: { bufferedBytesMax: BUFFERED_BYTES_MAX, viewersMax: 1 },
      counter: new ApiMetrics(),
      firstSeq,
    });
    other.start();
    expect(joined(other, wish('channels', { resumeFrom: seq })).take()).toMatchObject([
      { type: 'snapshot' },
    ]);
  }
});

test('a viewer that does not read costs no more than its buffer and gets merged rows later', async () => {
  const { hub, engine, metrics } = openHub();
  hub.start();
  const viewer = joined(hub, wish('channels'));
  viewer.isReading = false;
  for (let version = 1; version <= 1_000; version += 1) {
    engine.publish([clicks('dtc', version, version), clicks('amazon', version, version)]);
  }
  const frameBytes = 400;
  expect(viewer.bufferedBytesPeak).toBeLessThan(BUFFERED_BYTES_MAX + frameBytes);
  viewer.drain();
  viewer.take();
  viewer.isReading = true;
  hub.drained(viewer);
  expect(viewer.take()).toMatchObject([
    {
      type: 'update',
      rows: [
        { channel: 'dtc', clicks: 1_000 },
        { channel: 'amazon', clicks: 1_000 },
      ],
    },
  ]);
  engine.publish([clicks('dtc', 7, 2_000)]);
  expect(viewer.take()).toMatchObject([{ type: 'update', rows: [{ clicks: 7 }] }]);
  expect(await metrics.text()).toContain('api_live_updates_merged_total 1');
});

test('a viewer that stays behind is closed with 4008, one that catches up is not', async () => {
  const { hub, engine, clock, metrics } = openHub();
  hub.start();
  const stuck = joined(hub, wish('channels', { id: 'stuck' }));
  const slow = joined(hub, wish('channels', { id: 'slow' }));
  const quick = joined(hub, wish('channels', { id: 'quick' }));
  stuck.isReading = false;
  slow.isReading = false;
  let version = 0;
  for (let elapsedMs = 0; elapsedMs <= BEHIND_MS_MAX + 2 * SECOND_MS; elapsedMs += SECOND_MS) {
    for (let burst = 0; burst < 10; burst += 1) {
      version += 1;
      engine.publish([clicks('dtc', version, version)]);
    }
    if (elapsedMs % (10 * SECOND_MS) === 0) slow.drain();
    clock.advance(SECOND_MS);
  }
  expect(stuck.closedWith).toBe(4008);
  expect([slow.closedWith, quick.closedWith]).toEqual([undefined, undefined]);
  expect(await metrics.text()).toContain('api_live_connections 2');
  expect(await metrics.text()).toContain('api_live_slow_closes_total 1');
});

test('a subscription made while the connection is full gets its snapshot when there is room', () => {
  const { hub, engine } = openHub();
  engine.publish([alert('1', 'open', 1)]);
  hub.start();
  const viewer = joined(hub, wish('channels'));
  viewer.isReading = false;
  for (let version = 1; version <= 20; version += 1)
    engine.publish([clicks('dtc', version, version)]);
  hub.subscribe(viewer, wish('alerts', { id: 'b' }));
  viewer.drain();
  expect(viewer.take().some(({ id }) => id === 'b')).toBe(false);
  viewer.isReading = true;
  hub.drained(viewer);
  expect(viewer.take()).toMatchObject([
    { type: 'update', id: 'a', rows: [{ clicks: 20 }] },
    { type: 'snapshot', id: 'b', rows: [{ alert_id: '1' }] },
  ]);
});

test('what cannot be subscribed is refused with its code', () => {
  const { hub } = openHub();
  hub.start();
  const viewer = joined(hub, wish('channels'));
  const code = (request: SubscribeMessage): string | undefined =>
    hub.subscribe(viewer, request)?.code;
  expect(code(wish('channels'))).toBe('LIVE_ID_IN_USE');
  expect(code(wish('parity', { id: 'b' }))).toBe('LIVE_TOPIC_UNKNOWN');
  for (const filter of [
    'x',
    { price: [1] },
    { channel: [] },
    { channel: [{}] },
    { channel: ['x'.repeat(300)] },
  ]) {
    expect(code(wish('channels', { id: 'b', filter }))).toBe('LIVE_FILTER_INVALID');
  }
  for (let count = 1; count < SUBSCRIPTIONS_MAX; count += 1) {
    expect(code(wish('channels', { id: `more ${count}` }))).toBeUndefined();
  }
  expect(code(wish('channels', { id: 'last' }))).toBe('LIVE_SUBSCRIPTION_LIMIT');
  expect(hub.unsubscribe(viewer, 'more 1')).toBeUndefined();
  expect(hub.unsubscribe(viewer, 'more 1')?.code).toBe('LIVE_SUBSCRIPTION_UNKNOWN');
  expect(code(wish('channels', { id: 'last' }))).toBeUndefined();
});

test('more viewers than the limit are turned away until one leaves', () => {
  const { hub } = openHub({ viewersMax: 1 });
  hub.start();
  const first = new MemoryViewer();
  expect(hub.join(first)).toBe(true);
  expect(hub.join(new MemoryViewer())).toBe(false);
  hub.leave(first);
  expect(hub.join(new MemoryViewer())).toBe(true);
});

test('when all viewers that may be there come back at once each gets what it missed, and no more than that is let in', () => {
  const viewersMax = 300;
  const { hub, engine } = openHub({ viewersMax });
  hub.start();
  engine.publish([clicks('dtc', 1, 1)]);
  const all = Array.from({ length: viewersMax }, () => joined(hub, wish('channels')));
  const resumeFrom = Number(all[0]?.read.at(-1)?.seq);
  for (const viewer of all) hub.leave(viewer);
  engine.publish([clicks('amazon', 1, 1)]);
  engine.publish([clicks('amazon', 2, 2)]);
  const missed = { type: 'update', rows: [{ channel: 'amazon', clicks: 2 }] };
  const back = Array.from({ length: viewersMax }, () =>
    joined(hub, wish('channels', { resumeFrom })),
  );
  for (const viewer of back) expect(viewer.take()).toMatchObject([missed]);
  expect(hub.join(new MemoryViewer())).toBe(false);
  engine.publish([clicks('amazon', 3, 3)]);
  for (const viewer of back)
    expect(viewer.take()).toMatchObject([{ type: 'update', rows: [{ clicks: 3 }] }]);
});

test('closing ends every connection and leaves neither timer nor listener behind', () => {
  const { hub, engine, clock } = openHub();
  hub.start();
  const viewer = joined(hub, wish('channels'));
  hub.close();
  expect(viewer.closedWith).toBe(1001);
  expect([engine.listenerCount, clock.timerCount]).toEqual([0, 0]);
});

test('how long the newest event of an update took is counted, once for all viewers', async () => {
  const { hub, engine, clock, metrics } = openHub();
  hub.start();
  joined(hub, wish('channels'));
  joined(hub, wish('channels'));
  clock.advance(100);
  engine.publish([clicks('dtc', 5, 2)], { newestEventMs: T0 + 40, newestAppendedMs: T0 + 60 });
  // No event is behind this one: the watermark passed a window.
  engine.publish([clicks('dtc', 5, 3)]);
  const text = await metrics.text();
  expect(text).toContain('api_live_delay_seconds_bucket{le="0.025"} 0');
  expect(text).toContain('api_live_delay_seconds_bucket{le="0.05"} 1');
  expect(text).toContain('api_live_delay_seconds_sum 0.04');
});
