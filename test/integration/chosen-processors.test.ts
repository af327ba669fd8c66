import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { importFile } from '../../cli/import/import-file.ts';
import { audit, auditWindows } from '../../processors/audit.ts';
import { type Config, DEFAULT_CONFIG } from '../../processors/config.ts';
import { Embedded } from '../../processors/embedded.ts';
import { forgetState } from '../../processors/forget-state.ts';
import { PANELS } from '../../processors/panels.ts';
import { serverOver } from '../doubles/api-server.ts';
import { writeShopFile } from './simulated-shop.ts';

const DIRECTORY = mkdtempSync(join(tmpdir(), 'weir-chosen-'));
const THREE: Config = {
  ...DEFAULT_CONFIG,
  data_dir: join(DIRECTORY, 'data'),
  partitions: 2,
  log_level: 'error',
  processors: ['traffic', 'attribution', 'stock'],
};

const ALL_TIME = { fromMs: 0, toMs: Date.UTC(2200, 0, 1) };

let live: Embedded;

function open(processors: Config['processors']): Promise<Embedded> {
  return Embedded.open({ ...THREE, processors }, (error) => {
    throw error;
  });
}

beforeAll(async () => {
  const { file } = await writeShopFile(DIRECTORY, { seed: 3, eventsPerSecond: 10, minutes: 10 });
  live = await open(THREE.processors);
  await importFile(live, file, {
    choice: { format: 'ndjson', options: {} },
    signal: new AbortController().signal,
    onRead: () => undefined,
  });
}, 60_000);

afterAll(async () => {
  await live.close();
  rmSync(DIRECTORY, { recursive: true });
});

test('three processors count what the audit recomputes, and the others count nothing', async () => {
  const results = await audit(live.query.bind(live), THREE, ALL_TIME);
  expect(results.flatMap(({ differences }) => differences)).toEqual([]);
  const found = results.map(({ view, rows, off }) => [view, off ?? rows > 0]);
  expect(Object.fromEntries(found)).toMatchObject({
    channel_1m: true,
    attribution_1h: true,
    stock_current: true,
    bot_standings: 'bots',
    lift_cohorts: 'lift',
    parity_1h: 'parity',
    fulfilment_1h: 'fulfilment',
  });
  const stored = ['bot_standings', 'lift_cohorts', 'parity_current', 'fulfilment_1h'];
  for (const view of stored) {
    const [row] = await live.query(`SELECT toUInt32(count()) AS rows FROM weir.${view}`, {});
    expect(row, view).toEqual({ rows: 0 });
  }
});

test('nothing is forwarded to a processor that is off', () => {
  const { tasks } = live.status();
  const received = (stage: string) =>
    tasks
      .filter(({ task }) => task.startsWith(stage))
      .reduce((sum, { counts }) => sum + counts.received, 0);
  expect(received('address')).toBe(0);
  expect(received('sku')).toBeGreaterThan(0);
});

test('answers say which of the processors that they need are off', async () => {
  const { app } = serverOver(live, { panels: PANELS });
  const off = async (path: string): Promise<unknown> => {
    const answer = await app.inject(`/v1/${path}`);
    expect(answer.statusCode, path).toBe(200);
    return answer.json<{ readonly processors_off: unknown }>().processors_off;
  };
  expect(await off('channels')).toEqual([]);
  expect(await off('parity')).toEqual(['parity']);
  expect(await off('alerts')).toEqual(['parity', 'fulfilment']);
  expect(await off('bots')).toEqual(['bots']);
  expect(await off('lift')).toEqual(['lift']);
  expect(await off('economics')).toEqual(['lift']);
  expect(await off('economics/carts')).toEqual(['parity']);
  expect(await off('pipeline')).toEqual(['bots', 'lift', 'fulfilment', 'parity']);
  const csv = await app.inject({ url: '/v1/parity', headers: { accept: 'text/csv' } });
  expect(csv.headers['weir-processors-off']).toBe('parity');
  const decided = await app.inject({ method: 'POST', url: '/v1/bots/someone/clear', payload: {} });
  expect([decided.statusCode, decided.json()]).toMatchObject([409, { code: 'PROCESSOR_OFF' }]);
  await app.close();
});

test('one that was off is not turned on over a state without it, and counts all once that is computed anew', async () => {
  await live.close();
  await expect(open([...THREE.processors, 'parity'])).rejects.toMatchObject({
    code: 'PROCESSORS_CHANGED',
  });
  await forgetState(THREE);
  live = await open(DEFAULT_CONFIG.processors);
  await live.drain();
  for (const view of ['channel_1m', 'bot_standings', 'parity_current', 'fulfilment_1h']) {
    const { rows, differences } = await auditWindows(
      live.query.bind(live),
      { ...DEFAULT_CONFIG, partitions: 2 },
      { view, range: ALL_TIME },
    );
    expect([view, rows > 0, differences]).toEqual([view, true, []]);
  }
}, 60_000);

test('one is turned off without more, but not the one that others have counted by', async () => {
  await live.close();
  await expect(open(THREE.processors)).rejects.toMatchObject({ code: 'PROCESSORS_CHANGED' });
  live = await open(['bots', ...THREE.processors]);
  const [row] = await live.query('SELECT toUInt32(count()) AS rows FROM weir.parity_current', {});
  expect(row?.['rows']).toBeGreaterThan(0);
}, 60_000);
