import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import type { Row, Update } from '../../schemas/panel.ts';
import { MINUTE_MS, SECOND_MS } from '../../schemas/time.ts';
import { ManualClock } from '../../test/doubles/manual-clock.ts';
import { MemoryEngine } from '../../test/doubles/memory-engine.ts';
import { WebhookReceiver } from '../../test/doubles/webhook-receiver.ts';
import { isPublic } from './address.ts';
import { Journal } from './journal.ts';
import type { Message } from './message.ts';
import { type Sent, sendMessage } from './send.ts';
import { isSigned } from './signature.ts';
import { Silences } from './silences.ts';
import { Webhooks } from './webhooks.ts';

const NOW_MS = Date.UTC(2026, 2, 1);
const SECRET = 'a-secret-of-more-than-32-characters';
const TARGET = 'https://hooks.example.com/weir';

let path: string;

beforeAll(() => {
  path = mkdtempSync(join(tmpdir(), 'weir-webhooks-'));
});

afterAll(() => {
  rmSync(path, { recursive: true, force: true });
});

function alert(id: string, state: string, fields: Row = {}): Update {
  const row = {
    alert_id: id,
    kind: 'stockout',
    severity: 'critical',
    state,
    subject: `${id} at berlin`,
    entity_key: id,
    sku: id,
    node_id: 'berlin',
    opened_at: NOW_MS,
    acknowledged_at: null,
    resolved_at: null,
    cost_minor: 2_520,
    currency: 'EUR',
    owner: 'purchasing',
    runbook: 'docs/operations.md#stockout',
    detail: `<${id}> is out`,
    withdrawn: state === 'withdrawn',
    ...fields,
  };
  return { table: 'alerts_rows', task: 'sku-0', version: 1, row };
}

/** Webhooks with an engine, a clock and a receiver that answers as it is told. */
class Setup {
  readonly engine = new MemoryEngine();
  readonly clock = new ManualClock(NOW_MS);
  readonly sent: Message[] = [];
  answer: Sent = { kind: 'delivered' };
  readonly webhooks: Webhooks;

  constructor(options: { readonly file?: string; readonly silences?: Silences } = {}) {
    this.webhooks = new Webhooks({
      engine: this.engine,
      targets: [TARGET],
      journal: new Journal(options.file),
      clock: this.clock,
      logger: pino({ level: 'silent' }),
      publicUrl: 'https://weir.example.com',
      hasButton: true,
      flapMs: 5 * MINUTE_MS,
      isSilenced: (row, nowMs) => options.silences?.isSilenced(row, nowMs) ?? false,
      send: async (_target, message) => {
        this.sent.push(message);
        return this.answer;
      },
    });
    this.webhooks.start();
  }

  /** Lets time pass, and what is sent be answered. */
  async pass(durationMs: number): Promise<void> {
    for (let leftMs = durationMs; leftMs > 0; leftMs -= SECOND_MS) {
      this.clock.advance(Math.min(SECOND_MS, leftMs));
      await Promise.resolve();
      await Promise.resolve();
    }
  }

  get texts(): string[] {
    return this.sent.map(({ deliveryId }) => deliveryId);
  }
}

test('an incident is told once when it opens, is taken over and resolves', async () => {
  const setup = new Setup();
  setup.engine.publish([alert('A', 'open')]);
  setup.engine.publish([alert('A', 'open')]);
  await setup.pass(5 * SECOND_MS);
  setup.engine.publish([alert('A', 'acknowledged')]);
  await setup.pass(5 * SECOND_MS);
  setup.engine.publish([alert('A', 'resolved'), alert('A', 'resolved')]);
  await setup.pass(10 * MINUTE_MS);
  expect(setup.texts).toEqual(['A/opened', 'A/acknowledged', 'A/resolved']);
  expect(setup.webhooks.waitingCount).toBe(0);
});

test('a message says what, how bad, who and what to do, in words that Slack shows', async () => {
  const setup = new Setup();
  setup.engine.publish([alert('A', 'open')]);
  await setup.pass(5 * SECOND_MS);
  const body: unknown = JSON.parse(setup.sent[0]?.body ?? '');
  expect(body).toMatchObject({
    delivery_id: 'A/opened',
    transition: 'opened',
    alert: { alert_id: 'A', kind: 'stockout' },
    text: [
      '*opened* · critical · stockout: A at berlin',
      '&lt;A&gt; is out',
      'Cost so far: 25.20 EUR',
      'Owner: purchasing',
      'Runbook: docs/operations.md#stockout',
      'Acknowledge: POST https://weir.example.com/v1/alerts/A/acknowledge',
    ].join('\n'),
  });
});

test('a storm of 10,000 incidents in a minute is twenty messages and one digest that counts the rest', async () => {
  const setup = new Setup();
  await setup.pass(MINUTE_MS);
  for (let index = 0; index < 10_000; index += 1) {
    setup.engine.publish([alert(`S${index}`, 'open')]);
    setup.engine.publish([alert(`S${index}`, 'open', { cost_minor: index })]);
  }
  await setup.pass(3 * MINUTE_MS);
  const digests = setup.sent.filter(({ deliveryId }) => deliveryId.startsWith('digest/'));
  expect(setup.sent.length - digests.length).toBe(20);
  expect(digests.map(({ body }): unknown => JSON.parse(body))).toMatchObject([
    { digest: { count: 9_980, counts: { 'stockout opened': 9_980 } } },
  ]);
  expect(new Set(setup.texts).size).toBe(setup.texts.length);
  expect(setup.webhooks.waitingCount).toBe(0);
});

test('what opens and resolves before it settles is told to nobody', async () => {
  const setup = new Setup();
  setup.engine.publish([alert('A', 'open'), alert('B', 'open')]);
  setup.engine.publish([alert('A', 'resolved'), alert('B', 'withdrawn')]);
  await setup.pass(10 * MINUTE_MS);
  expect(setup.texts).toEqual([]);
});

test('an incident that comes back within the flap window is told neither as resolved nor as opened', async () => {
  const setup = new Setup();
  const again = (id: string, state: string): Update =>
    alert(id, state, { entity_key: 'A', subject: 'A' });
  setup.engine.publish([again('A1', 'open')]);
  await setup.pass(MINUTE_MS);
  setup.engine.publish([again('A1', 'resolved')]);
  await setup.pass(MINUTE_MS);
  setup.engine.publish([again('A2', 'open')]);
  await setup.pass(MINUTE_MS);
  setup.engine.publish([again('A2', 'resolved')]);
  await setup.pass(10 * MINUTE_MS);
  expect(setup.texts).toEqual(['A1/opened', 'A2/resolved']);
  expect(setup.sent[1]?.body).toContain('It came and went 1 times before.');
});

test('a receiver that is away gets the message when it is back, with the same delivery id', async () => {
  const setup = new Setup();
  setup.answer = { kind: 'failed', reason: 'status_503' };
  setup.engine.publish([alert('A', 'open')]);
  await setup.pass(10 * SECOND_MS);
  setup.answer = { kind: 'delivered' };
  await setup.pass(MINUTE_MS);
  expect(new Set(setup.texts)).toEqual(new Set(['A/opened']));
  expect(setup.texts.length).toBe(4);
  expect(setup.webhooks.waitingCount).toBe(0);
});

test('a restart sends what nobody has taken, tells nothing twice and nothing that was open before', async () => {
  const file = join(path, 'journal.ndjson');
  const first = new Setup({ file });
  first.engine.publish([alert('told', 'open')]);
  await first.pass(5 * SECOND_MS);
  first.answer = { kind: 'failed', reason: 'status_503' };
  first.engine.publish([alert('waiting', 'open')]);
  await first.pass(3 * SECOND_MS);
  first.webhooks.stop();
  const second = new Setup({ file });
  second.engine.publish([alert('told', 'open'), alert('waiting', 'open'), alert('new', 'open')]);
  await second.pass(10 * SECOND_MS);
  expect(second.texts).toEqual(['waiting/opened', 'new/opened']);
});

test('what is open before the first start is no news', async () => {
  const setup = new Setup();
  setup.webhooks.stop();
  setup.engine.publish([alert('old', 'open')]);
  const later = new Webhooks({
    engine: setup.engine,
    targets: [TARGET],
    journal: new Journal(undefined),
    clock: setup.clock,
    logger: pino({ level: 'silent' }),
    publicUrl: undefined,
    hasButton: false,
    flapMs: 0,
    isSilenced: () => false,
    send: async (_target, message) => {
      setup.sent.push(message);
      return { kind: 'delivered' };
    },
  });
  later.start();
  await setup.pass(MINUTE_MS);
  expect(setup.texts).toEqual([]);
});

test('a silence holds for what it names until its end', async () => {
  const rules = [
    { rule: JSON.stringify({ sku: 'A', until: NOW_MS + MINUTE_MS }) },
    { rule: 'no rule' },
    { rule: '{"sku":"B"}' },
  ];
  const silences = new Silences();
  await silences.refresh({ query: async () => rules });
  const setup = new Setup({ silences });
  setup.engine.publish([alert('A', 'open'), alert('B', 'open')]);
  await setup.pass(2 * MINUTE_MS);
  setup.engine.publish([alert('A', 'resolved'), alert('A2', 'open', { sku: 'A' })]);
  await setup.pass(10 * MINUTE_MS);
  expect(setup.texts).toEqual(['B/opened', 'A2/opened']);
});

let receiver: WebhookReceiver;

beforeAll(async () => {
  receiver = await WebhookReceiver.open();
});

afterAll(() => {
  receiver.close();
});

beforeEach(() => {
  receiver.received = [];
  receiver.status = 200;
});

function send(isPrivateAllowed: boolean): Promise<Sent> {
  const message = { deliveryId: 'A/opened', body: '{"text":"ü"}' };
  return sendMessage(receiver.url, message, { secret: SECRET, isPrivateAllowed, nowMs: NOW_MS });
}

test('a message is one signed POST', async () => {
  expect(await send(true)).toEqual({ kind: 'delivered' });
  expect(receiver.received).toMatchObject([
    { body: '{"text":"ü"}', headers: { 'x-weir-delivery': 'A/opened' } },
  ]);
  const signature = String(receiver.received[0]?.headers['x-weir-signature']);
  const signed = { body: '{"text":"ü"}', secret: SECRET, nowMs: NOW_MS };
  expect(isSigned(signature, signed)).toBe(true);
  expect(isSigned(signature, { ...signed, body: '{}' })).toBe(false);
  expect(isSigned(signature, { ...signed, nowMs: NOW_MS + 10 * MINUTE_MS })).toBe(false);
  expect(isSigned('t=1', signed)).toBe(false);
});

test('an address that is not public is refused unless it is allowed', async () => {
  expect(await send(false)).toEqual({ kind: 'refused', reason: 'private_address' });
  expect(receiver.received).toEqual([]);
  for (const address of [
    '127.0.0.1',
    '10.0.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '::1',
    'fe80::1',
    'fc00::1',
    '::ffff:127.0.0.1',
    'nonsense',
  ]) {
    expect([address, isPublic(address)]).toEqual([address, false]);
  }
  expect(isPublic('93.184.216.34')).toBe(true);
  expect(isPublic('2606:2800:220:1::1')).toBe(true);
});

test.each([
  [302, 'refused'],
  [404, 'refused'],
  [429, 'failed'],
  [500, 'failed'],
])('an answer of %i is %s', async (answer, kind) => {
  receiver.status = answer;
  expect(await send(true)).toEqual({ kind, reason: `status_${answer}` });
  expect(receiver.received.length).toBe(1);
});
