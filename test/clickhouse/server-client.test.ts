import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { MemoryLog } from '../../processors/engine/log/memory.ts';
import { insertDelivery } from '../../processors/engine/runtime/delivery.ts';
import { Outbox } from '../../processors/engine/runtime/outbox.ts';
import { systemClock } from '../../processors/engine/runtime/system-clock.ts';
import { ClickHouse } from '../../processors/engine/sink/clickhouse.ts';
import { PLAIN } from '../../processors/engine/sink/layout.ts';
import { Lines } from '../../processors/engine/sink/lines.ts';
import type { Insert } from '../../processors/engine/sink/sink.ts';
import { MemoryStore } from '../../processors/engine/state/memory.ts';
import { EngineError } from '../../schemas/errors.ts';
import { startWeir, temporaryDirectory } from '../integration/command-line.ts';
import { type RunningClickHouse, startClickHouse } from './running-server.ts';
import { LOGIN } from './server-process.ts';

const TIMEOUT_MS = 90_000;

const CREATE = `CREATE TABLE weir.probe (id UInt64, name String) ENGINE = MergeTree ORDER BY id
  SETTINGS non_replicated_deduplication_window = 1000`;

function insertOf(id: number): Insert {
  return {
    table: 'probe',
    columns: ['id', 'name'],
    rowCount: 2,
    body: Buffer.from(`${id}\ta\\tb\n${id}\tœ\n`),
    token: `probe-${id}`,
  };
}

function connect(server: RunningClickHouse, change: object = {}): ClickHouse {
  return ClickHouse.connectTo({
    url: `http://127.0.0.1:${server.port}`,
    ...LOGIN,
    caFile: undefined,
    layout: PLAIN,
    ...change,
  });
}

async function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
    return 'done';
  } catch (error) {
    if (!(error instanceof EngineError)) return error;
    const { code, kind, details } = error;
    return { code, kind, clickHouseCode: details['clickhouseCode'] };
  }
}

const PASSING = { code: 'CLICKHOUSE_UNAVAILABLE', kind: 'transient', clickHouseCode: undefined };

test(
  'an insert whose answer was lost after it was stored is there once when it is sent again',
  async () => {
    const server = await startClickHouse({ path: temporaryDirectory() });
    const clickHouse = connect(server);
    await clickHouse.command('CREATE DATABASE weir');
    await clickHouse.command(CREATE);
    await server.setFaults({ loseAnswers: 2 });
    expect(await outcomeOf(clickHouse.insert(insertOf(1)))).toEqual(PASSING);
    expect(await outcomeOf(clickHouse.insert(insertOf(1)))).toEqual(PASSING);
    expect(await outcomeOf(clickHouse.insert(insertOf(1)))).toBe('done');
    expect(await server.counts()).toMatchObject({ lostAnswers: 2, inserts: 3 });
    const sql = 'SELECT id, name FROM weir.probe WHERE id = {id:UInt64} ORDER BY name';
    expect(await clickHouse.query(sql, { id: 1 })).toEqual([
      { id: 1, name: 'a\tb' },
      { id: 1, name: 'œ' },
    ]);

    await clickHouse.close();
  },
  TIMEOUT_MS,
);

test(
  'a server that was killed and started again still knows the inserts it took',
  async () => {
    const path = temporaryDirectory();
    const before = await startClickHouse({ path });
    const first = connect(before);
    await first.command('CREATE DATABASE weir');
    await first.command(CREATE);
    await first.insert(insertOf(1));
    await before.kill();
    expect(await outcomeOf(first.insert(insertOf(2)))).toEqual(PASSING);
    await startClickHouse({ path, port: before.port });
    // The same client, without being told, and the same insert.
    await first.insert(insertOf(1));
    await first.insert(insertOf(2));
    expect(await first.query('SELECT count() AS rows FROM weir.probe')).toEqual([{ rows: 4 }]);
    await first.close();
  },
  TIMEOUT_MS,
);

test.each([
  { clickHouseCode: 252, name: 'TOO_MANY_PARTS', passes: true },
  { clickHouseCode: 241, name: 'MEMORY_LIMIT_EXCEEDED', passes: true },
  { clickHouseCode: 159, name: 'TIMEOUT_EXCEEDED', passes: true },
  { clickHouseCode: 243, name: 'NOT_ENOUGH_SPACE', passes: true },
  { clickHouseCode: 242, name: 'TABLE_IS_READ_ONLY', passes: true },
  { clickHouseCode: 319, name: 'UNKNOWN_STATUS_OF_INSERT', passes: true },
  { clickHouseCode: 164, name: 'READONLY', passes: false },
  { clickHouseCode: 497, name: 'ACCESS_DENIED', passes: false },
  { clickHouseCode: 60, name: 'UNKNOWN_TABLE', passes: false },
])(
  'error $clickHouseCode ($name) of a server passes: $passes',
  async ({ clickHouseCode, name, passes }) => {
    const server = await startClickHouse({ path: temporaryDirectory() });
    const clickHouse = connect(server);
    await clickHouse.command('CREATE DATABASE weir');
    await clickHouse.command(CREATE);
    await server.setFaults({ refuse: { code: clickHouseCode, name, times: 1 } });
    expect(await outcomeOf(clickHouse.insert(insertOf(1)))).toEqual(
      passes
        ? PASSING
        : { code: 'CLICKHOUSE_REFUSED', kind: 'fatal', clickHouseCode: String(clickHouseCode) },
    );
    expect(await outcomeOf(clickHouse.insert(insertOf(1)))).toBe('done');
    expect(await server.counts()).toMatchObject({ refused: 1, inserts: 2 });
    expect(await clickHouse.query('SELECT count() AS rows FROM weir.probe')).toEqual([{ rows: 2 }]);
    await clickHouse.close();
  },
  TIMEOUT_MS,
);

/** Lines of `probe`, as a checkpoint holds them. */
function probeLines(rows: readonly (readonly [id: number, name: string])[]): Lines {
  const lines = new Lines();
  const columns = [
    { name: 'id', type: 'integer' },
    { name: 'name', type: 'text' },
  ] as const;
  for (const row of rows) {
    lines.row(columns, row);
    lines.end();
  }
  return lines;
}

test.each([
  { clickHouseCode: 241, profile: { max_untracked_memory: '0', max_memory_usage: '100000' } },
  { clickHouseCode: 159, profile: { max_execution_time: '0.001' } },
])(
  'while ClickHouse itself ends inserts with $clickHouseCode, the same one comes again after growing waits, and is there once',
  async ({ clickHouseCode, profile }) => {
    const server = await startClickHouse({ path: temporaryDirectory() });
    const clickHouse = connect(server);
    await clickHouse.command('CREATE DATABASE weir');
    await clickHouse.command(CREATE);
    const retries: { readonly code: string; readonly waitMs: number }[] = [];
    const outbox = new Outbox({
      store: new MemoryStore(),
      sink: clickHouse,
      log: new MemoryLog(() => 0),
      // Always the longest wait that there may be.
      clock: { ...systemClock, random: () => 1 - Number.EPSILON },
      events: {
        onRetry: ({ error, waitMs }) => retries.push({ code: error.code, waitMs }),
        onDelivered: () => undefined,
      },
    });
    await server.setFaults({ profile });
    const insert = { table: 'probe', columns: ['id', 'name'], token: 'probe-1' };
    const rows = Array.from({ length: 1_000 }, (_, id) => [id, `name ${id}`] as const);
    outbox.stage([insertDelivery(insert, [probeLines(rows)])], [])();
    await expect.poll(() => retries.length, { timeout: TIMEOUT_MS }).toBeGreaterThan(4);
    await server.setFaults({});
    await outbox.idle();
    expect(retries.slice(0, 5)).toEqual(
      [50, 100, 200, 400, 800].map((waitMs) => ({ code: 'CLICKHOUSE_UNAVAILABLE', waitMs })),
    );
    const { distinctInserts, insertErrors } = await server.counts();
    expect(insertErrors).toEqual(retries.map(() => clickHouseCode));
    expect(distinctInserts).toBe(1);
    expect(
      await clickHouse.query('SELECT count() AS rows, uniqExact(id) AS ids FROM weir.probe'),
    ).toEqual([{ rows: 1_000, ids: 1_000 }]);
    await clickHouse.close();
  },
  TIMEOUT_MS,
);

test(
  'a user whom ClickHouse itself lets only read is refused for good, and a start says which setting to mend',
  async () => {
    const server = await startClickHouse({ path: temporaryDirectory() });
    const clickHouse = connect(server);
    await clickHouse.command('CREATE DATABASE weir');
    await clickHouse.command(CREATE);
    await server.setFaults({ profile: { readonly: '1' } });
    const error: unknown = await clickHouse.insert(insertOf(1)).catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      code: 'CLICKHOUSE_REFUSED',
      kind: 'fatal',
      details: { clickhouseCode: '164' },
      message: expect.stringMatching(
        /readonly mode.*Give clickhouse\.user a profile that may write/,
      ),
    });
    const start = startWeir(['start', '--data-dir', join(temporaryDirectory(), 'data')], {
      ...server.environment,
      WEIR_HTTP_PORT: '0',
    });
    expect(await start.finished).toMatchObject({
      exitCode: 3,
      stderr: expect.stringMatching(/^CLICKHOUSE_REFUSED: .*clickhouse\.user/),
    });
    await server.setFaults({});
    expect(await outcomeOf(clickHouse.insert(insertOf(1)))).toBe('done');
    await clickHouse.close();
  },
  TIMEOUT_MS,
);

test(
  'a wrong password is refused for good, and the message does not repeat it',
  async () => {
    const server = await startClickHouse({ path: temporaryDirectory() });
    const clickHouse = connect(server, { password: 'guessed-it' });
    const error: unknown = await clickHouse.query('SELECT 1').catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      code: 'CLICKHOUSE_REFUSED',
      details: { clickhouseCode: '516' },
      message: expect.not.stringContaining('guessed-it'),
    });
    await clickHouse.close();
  },
  TIMEOUT_MS,
);

test(
  'over HTTPS the server is believed when the named authority vouches for it, and not otherwise',
  async () => {
    const directory = temporaryDirectory();
    const key = join(directory, 'key.pem');
    const cert = join(directory, 'cert.pem');
    const subject = '-days 2 -subj /CN=weir -addext subjectAltName=IP:127.0.0.1'.split(' ');
    const files = ['-keyout', key, '-out', cert];
    const kind = 'req -x509 -newkey rsa:2048 -nodes'.split(' ');
    execFileSync('openssl', [...kind, ...subject, ...files], { stdio: 'ignore' });
    const server = await startClickHouse({ path: join(directory, 'data'), tls: { key, cert } });
    const url = `https://127.0.0.1:${server.port}`;
    const trusting = connect(server, { url, caFile: cert });
    await trusting.command('CREATE DATABASE weir');
    await trusting.command(CREATE);
    await trusting.insert(insertOf(7));
    expect(await trusting.query('SELECT count() AS rows FROM weir.probe')).toEqual([{ rows: 2 }]);
    await trusting.close();

    const doubting = connect(server, { url });
    expect(await outcomeOf(doubting.insert(insertOf(8)))).toEqual(PASSING);
    await doubting.close();
    expect(() => connect(server, { url, caFile: join(directory, 'none.pem') })).toThrow(
      'clickhouse.tls_ca_file',
    );
  },
  TIMEOUT_MS,
);
