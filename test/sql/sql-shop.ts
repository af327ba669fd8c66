import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { pino } from 'pino';
import { afterAll, beforeAll } from 'vitest';

import { type RunningSql, startSql } from '../../api/sql/main.ts';
import { type Config, DEFAULT_CONFIG } from '../../processors/config.ts';
import { Embedded } from '../../processors/embedded.ts';
import { MINUTE_MS } from '../../schemas/time.ts';

/** Noon of a Monday. */
export const START_MS = Date.UTC(2026, 0, 5, 12);

const CHANNELS = ['email', 'amazon', 'dtc'] as const;
const KINDS = ['click', 'page_view', 'product_view', 'add_to_cart'] as const;

function from<const List extends readonly unknown[]>(list: List, index: number): List[number] {
  return list[index % list.length];
}

/** Two hours of clicks, one every two minutes, by six visitors. */
export const CLICKS = Array.from({ length: 60 }, (_, index) => ({
  event_id: `click-${index}`,
  occurred_at: START_MS + index * 2 * MINUTE_MS,
  source: 'web',
  visitor_id: `visitor-${index % 6}`,
  kind: from(KINDS, index),
  channel: from(CHANNELS, index),
  ...(index % 2 === 0 ? { campaign: 'spring' } : {}),
  ...(index % 4 === 2 ? { sku: `S${index % 3}` } : {}),
}));

/** Eight orders of the same visitors, then a return and a cancellation. */
export const ORDERS = Array.from({ length: 8 }, (_, index) => ({
  event_id: `order-${index}`,
  occurred_at: START_MS + (index * 10 + 5) * MINUTE_MS,
  source: 'shop',
  order_id: `O${index}`,
  status: 'placed',
  visitor_id: `visitor-${index % 6}`,
  sales_channel: index < 6 ? 'dtc' : 'amazon',
  currency: 'EUR',
  lines: Array.from({ length: (index % 3) + 1 }, (_line, line) => ({
    line_id: String(line + 1),
    sku: `S${line}`,
    quantity: line + 1,
    unit_price_minor: 1_000 + 100 * index,
    unit_cost_minor: 600,
  })),
}));

const CHANGES = [
  {
    ...ORDERS[1],
    event_id: 'return-1',
    status: 'returned',
    occurred_at: START_MS + 90 * MINUTE_MS,
  },
  {
    ...ORDERS[2],
    event_id: 'cancel-2',
    status: 'cancelled',
    occurred_at: START_MS + 95 * MINUTE_MS,
    lines: [],
  },
];

const INVENTORY = ['S0', 'S1', 'S2'].map((sku, index) => ({
  event_id: `count-${sku}`,
  occurred_at: START_MS + index * MINUTE_MS,
  source: 'warehouse',
  sku,
  kind: 'count',
  node_id: 'north',
  on_hand: 100 + index,
  reserved: 0,
}));

/** A statement and what goes with it. */
export interface Ask {
  readonly parameters?: Readonly<Record<string, string>>;
  /** Other parameters of the address. */
  readonly address?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: 'GET' | 'POST';
}

/** What came back. */
export interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** A small embedded Weir with these events and its SQL interface, for the tests of one file. */
export interface SqlShop {
  readonly engine: () => Embedded;
  readonly url: () => string;
  /** Sends a statement in the body, or in the address with `method: 'GET'`. */
  readonly ask: (statement: string, ask?: Ask) => Promise<Told>;
  /** The rows of a statement, as arrays. */
  readonly rows: (statement: string, ask?: Ask) => Promise<unknown>;
}

/** Opens the shop before the tests of this file, and closes it after them. */
export function openSqlShop(): SqlShop {
  const dataDir = mkdtempSync(join(tmpdir(), 'weir-sql-'));
  const config: Config = {
    ...DEFAULT_CONFIG,
    data_dir: dataDir,
    partitions: 2,
    log_level: 'error',
  };
  let engine: Embedded | undefined;
  let sql: RunningSql | undefined;

  beforeAll(async () => {
    engine = await Embedded.open(config, (error) => {
      throw error;
    });
    await engine.ingest('click', CLICKS);
    await engine.ingest('order', [...ORDERS, ...CHANGES]);
    await engine.ingest('inventory', INVENTORY);
    await engine.drain();
    const logger = pino({ level: 'error' });
    sql = await startSql({ sql: engine.sql, host: '127.0.0.1', port: 0, logger });
  });
  afterAll(async () => {
    await sql?.close();
    await engine?.close();
    rmSync(dataDir, { recursive: true });
  });

  const running = (): RunningSql => {
    if (sql === undefined) throw new Error('Expected the shop to be open');
    return sql;
  };
  const ask = async (statement: string, options: Ask = {}): Promise<Told> => {
    const { parameters = {}, address = {}, headers = {}, method = 'POST' } = options;
    const url = new URL(running().url);
    if (method === 'GET') url.searchParams.set('query', statement);
    for (const [name, value] of Object.entries(parameters)) {
      url.searchParams.set(`param_${name}`, value);
    }
    for (const [name, value] of Object.entries(address)) url.searchParams.set(name, value);
    const response = await fetch(url, {
      method,
      headers,
      ...(method === 'POST' ? { body: statement } : {}),
    });
    return {
      status: response.status,
      headers: response.headers,
      text: await response.text(),
    };
  };
  return {
    engine: () => {
      if (engine === undefined) throw new Error('Expected the shop to be open');
      return engine;
    },
    url: () => running().url,
    ask,
    rows: async (statement, options = {}) => {
      const told = await ask(statement, {
        ...options,
        address: {
          default_format: 'JSONCompactEachRow',
          output_format_json_quote_64bit_integers: '0',
          ...options.address,
        },
      });
      if (told.status !== 200) throw new Error(`${told.status} ${told.text}`);
      return told.text
        .split('\n')
        .filter((line) => line !== '')
        .map((line): unknown => JSON.parse(line));
    },
  };
}
