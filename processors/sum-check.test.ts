import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { encodeEvent } from '../schemas/events/wire.ts';
import { visitorToken } from '../schemas/ids.ts';
import { HOUR_MS, MINUTE_MS, durationMs } from '../schemas/time.ts';
import { type Config, DEFAULT_CONFIG } from './config.ts';
import { Embedded } from './embedded.ts';
import { EmbeddedLog } from './engine/log/embedded.ts';
import { PANELS } from './panels.ts';

const START_MS = Date.UTC(2026, 0, 5, 12);

function click(id: string, afterMs: number, channel = 'email'): Readonly<Record<string, unknown>> {
  const occurred_at = START_MS + afterMs;
  return { event_id: id, occurred_at, source: 'test', visitor_id: 'ann', kind: 'click', channel };
}

/** What only a sender past the door could write: an event of the year 2100, and bytes that are none. */
function badRecords(): readonly Uint8Array[] {
  const future = encodeEvent('weir.clicks', {
    event_id: 'future',
    occurred_at: Date.UTC(2100, 0, 1),
    source: 'test',
    seq: null,
    visitor_id: visitorToken('ann'),
    session_id: null,
    kind: 'click',
    channel: 'email',
    campaign: null,
    sku: null,
    url: null,
    referrer: null,
    ip: null,
    user_agent: null,
    agent: null,
    network: null,
    region: null,
    signed_in: null,
    server_side: null,
    prefetch: null,
    pointer: null,
    arm: null,
    consent: null,
  });
  return [future, Buffer.from('no event')];
}

test('received events are contributed, duplicate, late, dead-lettered or quarantined: status and metrics add up', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'weir-sums-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const config: Config = {
    ...DEFAULT_CONFIG,
    data_dir: directory,
    partitions: 1,
    log_level: 'error',
    lateness: { ...DEFAULT_CONFIG.lateness, allowed: durationMs(HOUR_MS) },
  };
  const open = (): Promise<Embedded> =>
    Embedded.open(config, (error) => {
      throw error;
    });
  const first = await open();
  await first.ingest('click', [click('a', 0), click('b', 0)]);
  await first.drain();
  await first.close();

  const log = EmbeddedLog.open(join(directory, 'log'), () => Date.now());
  await log.append([{ topic: 'weir.clicks', partition: 0, values: badRecords() }]);
  await log.close();

  // A door that has just opened lets repeats through.
  const second = await open();
  onTestFinished(() => second.close());
  await second.ingest('click', [click('a', 0), click('b', 0, 'search')]);
  await second.ingest('click', [click('c', 3 * HOUR_MS)]);
  await second.ingest('order', [
    {
      event_id: 'o',
      occurred_at: START_MS + 3 * HOUR_MS,
      source: 'test',
      order_id: 'o',
      status: 'placed',
      visitor_id: 'ann',
      sales_channel: 'dtc',
      currency: 'EUR',
      lines: [{ line_id: '1', sku: 'S', quantity: 1, unit_price_minor: 990 }],
    },
  ]);
  await second.drain();
  await second.ingest('click', [click('d', MINUTE_MS)]);
  await second.drain();

  const clicks = {
    received: 8,
    contributed: 3,
    duplicate: 1,
    late: 1,
    // Another body under a known id, and bytes that are no event.
    dead_lettered: 2,
    quarantined: 1,
  };
  expect(second.countsOf('weir.clicks')).toEqual(clicks);
  const { counts, unaccounted } = second.status();
  expect(counts).toEqual({ ...clicks, received: 9, contributed: 4 });
  expect(unaccounted).toBe(0);

  const { body } = await second.metrics();
  const metric = (name: string): number =>
    Number(new RegExp(`^${name}\\{topic="weir.clicks"\\} (\\S+)$`, 'm').exec(body)?.[1]);
  expect({
    received: metric('engine_events_received_total'),
    contributed: metric('engine_events_contributed_total'),
    duplicate: metric('engine_events_duplicate_total'),
    late: metric('engine_events_late_total'),
    dead_lettered: metric('engine_dead_letters_total'),
    quarantined: metric('engine_events_quarantined_total'),
  }).toEqual(clicks);
  expect(metric('engine_events_unaccounted')).toBe(0);
  expect(body).toMatch(/^audit_differences 0$/m);
  // Of clicks a, b, c and d, and of the order: how full deduplication is, also after a restart.
  expect(body).toMatch(/^engine_remembered_ids\{task="visitor-0"\} 5$/m);
});

test('every row of a window says how settled it is, wherever it is read', () => {
  const windowed = PANELS.filter(
    ({ live, query }) => query.timeColumn === 'window_start' && live.isTrail !== true,
  );
  expect(windowed.length).toBeGreaterThan(0);
  for (const { topic, live, query } of windowed) {
    expect(query.columns, topic).toContain('state');
    // With it the live view works the state out.
    expect(live.windowMs, topic).toBeGreaterThan(0);
  }
});
