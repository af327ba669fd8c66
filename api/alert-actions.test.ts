import { createHmac } from 'node:crypto';

import { expect, test } from 'vitest';

import { PANELS } from '../processors/panels.ts';
import { MINUTE_MS, SECOND_MS } from '../schemas/time.ts';
import { openServer } from '../test/doubles/api-server.ts';
import { ManualClock } from '../test/doubles/manual-clock.ts';
import { signatureOf } from './webhooks/signature.ts';

const NOW_MS = Date.UTC(2026, 2, 1);
const SECRET = 'fedcba9876543210fedcba9876543210';
const ALERT_ID = 'stockout:0123456789abcdef:1772000000000';
const PRESSED = {
  type: 'block_actions',
  user: { id: 'U1', username: 'ana' },
  actions: [{ action_id: 'weir_acknowledge', value: ALERT_ID }],
};

/** A server with one open alert, and the codes of its answers. */
function setUp(options: { readonly hasSecret?: boolean } = {}) {
  const clock = new ManualClock(NOW_MS);
  const server = openServer({
    clock,
    panels: PANELS,
    actionSecret: options.hasSecret === false ? undefined : SECRET,
  });
  server.engine.publish([
    {
      table: 'alerts_rows',
      task: 'sku-0',
      version: 1,
      row: {
        alert_id: ALERT_ID,
        state: 'open',
        entity_key: 'cup',
        node_id: 'berlin',
        opened_at: 1,
      },
    },
  ]);
  const post = async (
    payload: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<readonly [number, unknown]> => {
    const answer = await server.app.inject({
      method: 'POST',
      url: '/v1/alerts/actions',
      headers: { 'content-type': 'application/json', ...headers },
      payload,
    });
    const body: Readonly<Record<string, unknown>> = answer.json();
    return [answer.statusCode, body['code'] ?? body['state']];
  };
  return { ...server, clock, post };
}

function slackHeaders(body: string, atMs: number, secret = SECRET): Record<string, string> {
  const seconds = String(atMs / SECOND_MS);
  const hash = createHmac('sha256', secret).update(`v0:${seconds}:${body}`).digest('hex');
  return {
    'content-type': 'application/x-www-form-urlencoded',
    'x-slack-request-timestamp': seconds,
    'x-slack-signature': `v0=${hash}`,
  };
}

function formOf(payload: object): string {
  return new URLSearchParams({ payload: JSON.stringify(payload) }).toString();
}

test('a button pressed in Slack takes the alert over in the name of who pressed it', async () => {
  const { engine, post } = setUp();
  const body = formOf(PRESSED);
  expect(await post(body, slackHeaders(body, NOW_MS))).toEqual([200, 'acknowledged']);
  expect(engine.acknowledged).toEqual([
    { alertId: ALERT_ID, entityKey: 'cup', nodeId: 'berlin', actor: 'ana' },
  ]);
});

test('a program of your own signs as messages are signed', async () => {
  const { engine, post } = setUp();
  const body = JSON.stringify({ alert_id: ALERT_ID, actor: 'pager' });
  const headers = { 'x-weir-signature': signatureOf(body, SECRET, NOW_MS) };
  expect(await post(body, headers)).toEqual([200, 'acknowledged']);
  expect(engine.acknowledged).toMatchObject([{ actor: 'pager' }]);
});

test('a signature holds once, for five minutes, for one body, by the secret', async () => {
  const { clock, engine, post } = setUp();
  const other = formOf({ ...PRESSED, user: { id: 'U2' } });
  const body = formOf(PRESSED);
  const refused = [401, 'SIGNATURE_INVALID'];
  expect(await post(body, {})).toEqual(refused);
  expect(await post(other, slackHeaders(body, NOW_MS))).toEqual(refused);
  expect(await post(body, slackHeaders(body, NOW_MS, `${SECRET}x`))).toEqual(refused);
  expect(await post(body, slackHeaders(body, NOW_MS - 6 * MINUTE_MS))).toEqual(refused);
  expect(engine.acknowledged).toEqual([]);
  const taken = slackHeaders(body, NOW_MS);
  expect(await post(body, taken)).toEqual([200, 'acknowledged']);
  expect(await post(body, taken)).toEqual([409, 'ACTION_REPLAYED']);
  clock.advance(6 * MINUTE_MS);
  expect(await post(body, taken)).toEqual(refused);
  expect(engine.acknowledged.length).toBe(1);
});

test('a signed request that names no alert, or one that is not open, is refused', async () => {
  const { post } = setUp();
  const send = (payload: object): ReturnType<typeof post> => {
    const body = formOf(payload);
    return post(body, slackHeaders(body, NOW_MS));
  };
  expect(await send({ type: 'block_actions' })).toEqual([400, 'BODY_INVALID']);
  expect(await send({ ...PRESSED, actions: [{ action_id: 'other', value: ALERT_ID }] })).toEqual([
    400,
    'BODY_INVALID',
  ]);
  const body = '{"alert_id":"stockout:unknown"}';
  const headers = { 'x-weir-signature': signatureOf(body, SECRET, NOW_MS) };
  expect((await post(body, headers))[0]).not.toBe(200);
  const noJson = 'payload=%7B';
  expect(await post(noJson, slackHeaders(noJson, NOW_MS))).toEqual([400, 'BODY_INVALID']);
});

test('without a secret there is no such address', async () => {
  const { post } = setUp({ hasSecret: false });
  expect((await post('{}', {}))[0]).toBe(404);
});
