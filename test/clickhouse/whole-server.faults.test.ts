import { join } from 'node:path';

import { expect, test } from 'vitest';

import { erase } from '../../schemas/brand.ts';
import { startWeir, temporaryDirectory } from '../integration/command-line.ts';
import { clicksOf, startServer } from '../integration/server.ts';
import { type RunningClickHouse, startClickHouse } from './running-server.ts';

const PORT = 18_190;
const TIMEOUT_MS = 180_000;
const BATCH_CLICKS = 500;
const SOON = { timeout: 60_000, interval: 250 };

/** Rows and distinct ids of the clicks on the server. */
async function storedClicks({ environment }: RunningClickHouse): Promise<string> {
  const { WEIR_CLICKHOUSE_URL: url = '', WEIR_CLICKHOUSE_USER: user = '' } = environment;
  const answer = await fetch(url, {
    method: 'POST',
    headers: {
      'x-clickhouse-user': user,
      'x-clickhouse-key': environment['WEIR_CLICKHOUSE_PASSWORD'] ?? '',
    },
    body: 'SELECT count(), uniqExact(event_id) FROM weir.clicks FORMAT TSV',
  });
  return (await answer.text()).trim();
}

async function commandOf(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<{ readonly exitCode: number | null; readonly output: string }> {
  const { exitCode, stdout, stderr } = await startWeir(command, environment).finished;
  return { exitCode, output: stdout + stderr };
}

test(
  'events of a ClickHouse outage are there once when it is over, and the tables prove right',
  async () => {
    const path = temporaryDirectory();
    const dataDir = join(temporaryDirectory(), 'data');
    let clickHouse = await startClickHouse({ path });
    const { environment } = clickHouse;
    const weir = await startServer(dataDir, PORT, environment);
    let sent = 0;
    const send = async (): Promise<void> => {
      const answer = await weir.sendClicks(clicksOf(`batch-${sent}`, BATCH_CLICKS));
      expect(answer).toEqual({ status: 202, accepted: BATCH_CLICKS });
      sent += BATCH_CLICKS;
    };
    const readiness = async (): Promise<number> => (await weir.get('/readyz')).status;

    await send();
    await expect.poll(() => storedClicks(clickHouse), SOON).toBe(`${sent}\t${sent}`);

    // Gone: connections are refused.
    await clickHouse.kill();
    await send();
    await expect.poll(readiness, SOON).toBe(503);
    expect((await weir.get('/healthz')).status).toBe(200);
    expect((await weir.get('/readyz')).body).toMatchObject({
      problems: [expect.stringMatching(/ClickHouse does not acknowledge: \d+ rows wait/)],
    });
    expect((await weir.get('/v1/channels')).status).toBe(503);
    clickHouse = await startClickHouse({ path, port: clickHouse.port });
    await expect.poll(readiness, SOON).toBe(200);
    await expect.poll(() => storedClicks(clickHouse), SOON).toBe(`${sent}\t${sent}`);

    // Frozen: connections are taken and nothing is answered.
    clickHouse.freeze();
    await send();
    await expect.poll(readiness, SOON).toBe(503);
    clickHouse.thaw();
    await expect.poll(readiness, SOON).toBe(200);

    // Stored, and the answer lost; refused for a while.
    await clickHouse.setFaults({
      loseAnswers: 5,
      refuse: { code: 252, name: 'TOO_MANY_PARTS', times: 5 },
    });
    await send();
    await expect.poll(async () => (await clickHouse.counts()).lostAnswers, SOON).toBe(5);
    expect((await clickHouse.counts()).refused).toBe(5);
    await expect.poll(() => storedClicks(clickHouse), SOON).toBe(`${sent}\t${sent}`);
    await expect.poll(readiness, SOON).toBe(200);

    // Neither command needs the data directory, which the running Weir has.
    const audit = await commandOf(['audit', '--json'], environment);
    const { results } = erase<{
      results: { readonly view: string; readonly rows: number; readonly differences: unknown[] }[];
    }>(JSON.parse(audit.output));
    expect(results.find(({ view }) => view === 'channel_1m')?.rows).toBeGreaterThan(0);
    expect(results.filter(({ differences }) => differences.length > 0)).toEqual([]);
    const migrate = await commandOf(['migrate'], environment);
    expect(migrate.output).toMatch(/^(current {2}\S+\n)+$/);
    weir.child.kill('SIGTERM');
    expect(await weir.finished).toMatchObject({ exitCode: 0 });
  },
  TIMEOUT_MS,
);

test(
  'Weir that starts while the server is away, or with a server that lost its tables, says so and ends',
  async () => {
    const dataDir = join(temporaryDirectory(), 'data');
    const clickHouse = await startClickHouse({ path: temporaryDirectory() });
    const environment = { ...clickHouse.environment, WEIR_DATA_DIR: dataDir };
    const weir = await startServer(dataDir, PORT + 1, environment);
    await weir.sendClicks(clicksOf('first', BATCH_CLICKS));
    await expect
      .poll(() => storedClicks(clickHouse), SOON)
      .toBe(`${BATCH_CLICKS}\t${BATCH_CLICKS}`);
    weir.child.kill('SIGTERM');
    await weir.finished;
    await clickHouse.kill();

    const ofStart = { ...environment, WEIR_HTTP_PORT: '0' };
    const away = await commandOf(['start'], ofStart);
    expect(away).toMatchObject({
      exitCode: 4,
      output: expect.stringContaining('CLICKHOUSE_UNAVAILABLE'),
    });
    await startClickHouse({ path: temporaryDirectory(), port: clickHouse.port });
    // Each time: the tables of a refused start would hide the loss from the next.
    for (let start = 1; start <= 2; start += 1) {
      expect(await commandOf(['start'], ofStart)).toMatchObject({
        exitCode: 5,
        output: expect.stringContaining('RESULTS_LOST'),
      });
    }
  },
  TIMEOUT_MS,
);
