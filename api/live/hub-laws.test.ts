import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Row } from '../../schemas/panel.ts';
import { MINUTE_MS, SECOND_MS } from '../../schemas/time.ts';
import { CHANNELS, T0, clicks, joined, openHub, wish } from '../../test/doubles/live-hub.ts';
import type { LiveMessage } from '../../test/doubles/memory-viewer.ts';

/** What a client holds after these messages: rows by key, as docs/api.md tells clients to keep them. */
function held(messages: readonly LiveMessage[], key: readonly string[]): Map<string, Row> {
  const rows = new Map<string, Row>();
  for (const { type, rows: changed = [] } of messages) {
    if (type === 'snapshot') rows.clear();
    if (type !== 'snapshot' && type !== 'update') continue;
    for (const row of changed) {
      const name = JSON.stringify(key.map((column) => row[column]));
      if (row['withdrawn'] === true) rows.delete(name);
      else rows.set(name, row);
    }
  }
  return rows;
}

test('viewers of any speed that come, go and resume at any time end up with the same rows', () => {
  const action = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('change'),
        channel: fc.constantFrom('amazon', 'dtc', 'retail'),
        minute: fc.nat({ max: 3 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constantFrom('stall', 'read', 'read unnoticed', 'reconnect'),
        viewer: fc.nat({ max: 2 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('second'),
        watermarkMinutes: fc.nat({ max: 4 }),
      }),
    },
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 120, size: 'max' }), (actions) => {
      // Three or four updates fill a connection.
      const { hub, engine, clock } = openHub({ bufferedBytesMax: 600 });
      engine.setStatus({ watermark: T0, allowed_lateness_ms: MINUTE_MS });
      hub.start();
      const filters = [undefined, { channel: ['dtc'] }, { state: ['provisional'] }];
      const logs: LiveMessage[][] = [[], [], []];
      const viewers = filters.map((filter) => joined(hub, wish('channels', { filter })));
      const collect = (): void => {
        for (const [index, viewer] of viewers.entries()) logs[index]?.push(...viewer.take());
      };
      let version = 0;
      for (const step of actions) {
        collect();
        if (step.kind === 'change') {
          version += 1;
          engine.publish([clicks(step.channel, version, version, step.minute)]);
          continue;
        }
        if (step.kind === 'second') {
          const watermark = Math.max(
            Number(engine.status().watermark),
            T0 + step.watermarkMinutes * MINUTE_MS,
          );
          engine.setStatus({ watermark });
          clock.advance(SECOND_MS);
          continue;
        }
        const viewer = viewers[step.viewer];
        const log = logs[step.viewer];
        if (viewer === undefined || log === undefined) continue;
        if (step.kind === 'reconnect') {
          // What still waited in the old connection is lost.
          hub.leave(viewer);
          const resumeFrom = log.at(-1)?.seq;
          viewers[step.viewer] = joined(
            hub,
            wish('channels', { filter: filters[step.viewer], resumeFrom }),
          );
          continue;
        }
        viewer.isReading = step.kind === 'read';
        if (step.kind === 'stall') continue;
        viewer.drain();
        // Between a connection's becoming empty and the news of it, changes may come.
        if (step.kind === 'read') hub.drained(viewer);
      }
      for (const viewer of viewers) {
        viewer.isReading = true;
        viewer.drain();
        hub.drained(viewer);
      }
      clock.advance(SECOND_MS);
      collect();
      for (const [index, filter] of filters.entries()) {
        const snapshot = held(joined(hub, wish('channels', { filter })).take(), CHANNELS.live.key);
        const rows = held(logs[index] ?? [], CHANNELS.live.key);
        for (const [key, row] of rows) {
          if (index === 2 && row['state'] !== 'provisional') rows.delete(key);
        }
        expect(rows).toEqual(snapshot);
        const seqs = (logs[index] ?? []).flatMap(({ seq }) => seq ?? []);
        expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
      }
    }),
    { numRuns: 150 },
  );
});
