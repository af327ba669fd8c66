import { expect, test } from 'vitest';

import { EngineError } from '../schemas/errors.ts';
import type { Panel, Update } from '../schemas/panel.ts';
import { openServer } from '../test/doubles/api-server.ts';
import { MemoryEngine } from '../test/doubles/memory-engine.ts';

const COLUMNS = [
  'alert_id',
  'state',
  'entity_key',
  'node_id',
  'opened_at',
  'acknowledged_at',
  'resolved_at',
];

const ALERTS: Panel = {
  topic: 'alerts',
  path: 'alerts',
  needs: [],
  live: {
    table: 'alerts_rows',
    key: ['alert_id'],
    sums: [],
    retentionMs: undefined,
    rowsMax: 2,
    windowMs: undefined,
  },
  query: {
    views: { all: 'weir.alerts' },
    columns: COLUMNS,
    filters: ['alert_id', 'state'],
    timeColumn: 'opened_at',
    orderBy: ['opened_at', 'alert_id'],
  },
};

function alert(id: string, state: string, version = 1): Update {
  return {
    table: 'alerts_rows',
    task: 'sku-0',
    version,
    row: {
      alert_id: id,
      state,
      entity_key: '85123A',
      node_id: 'shop',
      opened_at: 1_772_000_000_000 + version,
      acknowledged_at: state === 'acknowledged' ? 1_772_000_000_500 : null,
      resolved_at: null,
      withdrawn: state === 'withdrawn',
    },
  };
}

async function acknowledge(
  { app }: ReturnType<typeof openServer>,
  id: string,
  payload?: object,
): Promise<readonly [number, Readonly<Record<string, unknown>>]> {
  const answer = await app.inject({
    method: 'POST',
    url: `/v1/alerts/${encodeURIComponent(id)}/acknowledge`,
    ...(payload === undefined ? {} : { payload }),
  });
  return [answer.statusCode, answer.json()];
}

test('an open alert is handed to the engine with what it is about and who takes it', async () => {
  const server = openServer({ panels: [ALERTS] });
  server.engine.publish([alert('stockout/85123A @ shop', 'open'), alert('2', 'open')]);
  expect(await acknowledge(server, 'stockout/85123A @ shop', { actor: 'Ada' })).toEqual([
    202,
    { alert_id: 'stockout/85123A @ shop', state: 'acknowledged' },
  ]);
  expect(await acknowledge(server, '2')).toMatchObject([202, {}]);
  expect(server.engine.acknowledged).toEqual([
    { alertId: 'stockout/85123A @ shop', entityKey: '85123A', nodeId: 'shop', actor: 'Ada' },
    { alertId: '2', entityKey: '85123A', nodeId: 'shop', actor: 'anonymous' },
  ]);
});

test('an alert that is unknown, withdrawn, resolved or taken over already is refused', async () => {
  const server = openServer({ panels: [ALERTS] });
  const code = async (id: string): Promise<readonly [number, unknown]> => {
    const [status, body] = await acknowledge(server, id);
    return [status, body['code']];
  };
  server.engine.publish([alert('resolved', 'resolved'), alert('taken', 'acknowledged')]);
  await server.app.ready();
  expect(await code('resolved')).toEqual([409, 'ALERT_RESOLVED']);
  expect(await code('taken')).toEqual([409, 'ALERT_ALREADY_ACKNOWLEDGED']);
  server.engine.publish([alert('withdrawn', 'withdrawn', 2), alert('open', 'open', 3)]);
  expect(await code('open')).toEqual([202, undefined]);
  // The first acknowledgement is still on its way through the log.
  expect(await code('open')).toEqual([409, 'ALERT_ALREADY_ACKNOWLEDGED']);
});

test('an acknowledgement that could not be stored may be tried again', async () => {
  const server = openServer({ panels: [ALERTS] });
  server.engine.publish([alert('1', 'open')]);
  await server.app.ready();
  server.engine.failing = new EngineError({
    code: 'DISK_FULL',
    kind: 'transient',
    message: 'Full',
  });
  expect(await acknowledge(server, '1')).toMatchObject([507, { code: 'DISK_FULL' }]);
  server.engine.failing = undefined;
  expect(await acknowledge(server, '1')).toMatchObject([202, {}]);
});

test('an alert that the live view no longer holds is looked up in ClickHouse', async () => {
  const types: Readonly<Record<string, string>> = {
    opened_at: "DateTime64(3, 'UTC')",
    acknowledged_at: "Nullable(DateTime64(3, 'UTC'))",
    resolved_at: "Nullable(DateTime64(3, 'UTC'))",
  };
  const engine = new MemoryEngine({
    async query(sql, parameters) {
      if (sql.includes('system.columns')) {
        return COLUMNS.map((name) => ({ name, type: types[name] ?? 'String' }));
      }
      const { row } = alert('old', 'open');
      return Object.values(parameters).flat().includes('old') ? [row] : [];
    },
  });
  const server = openServer({ engine, panels: [ALERTS] });
  expect(await acknowledge(server, 'old')).toMatchObject([202, {}]);
  expect(await acknowledge(server, 'never')).toMatchObject([404, { code: 'ALERT_UNKNOWN' }]);
  expect(engine.acknowledged).toMatchObject([{ alertId: 'old', entityKey: '85123A' }]);
});

test('a body that is no acknowledgement is refused', async () => {
  const server = openServer({ panels: [ALERTS] });
  server.engine.publish([alert('1', 'open')]);
  for (const payload of [{ actor: '' }, { actor: 'x'.repeat(65) }, { who: 'Ada' }]) {
    expect(await acknowledge(server, '1', payload)).toMatchObject([
      400,
      { code: 'REQUEST_INVALID' },
    ]);
  }
});
