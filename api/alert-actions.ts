import type { FastifyInstance, FastifyRequest } from 'fastify';

import { isObject } from '../schemas/events/check-record.ts';
import { ALERT_ID_LENGTH_MAX, type AlertDesk } from './alerts.ts';
import { AcknowledgeAnswer, problemAnswers } from './answers.ts';
import type { Clock } from './clock.ts';
import { Problem } from './problem.ts';
import { ACKNOWLEDGE_ACTION } from './webhooks/message.ts';
import { SIGNATURE_MS_MAX, isSigned, isSignedBySlack } from './webhooks/signature.ts';

/** Longest name of who acted, as in the route of people. */
const ACTOR_LENGTH_MAX = 64;

/** Signatures that are remembered, 100 bytes each; a person presses far fewer buttons in five minutes. */
const SEEN_MAX = 10_000;

/** What a signed request asks for. */
interface Action {
  readonly alertId: string;
  readonly actor: string;
}

/**
 * Adds `POST /v1/alerts/actions`, by which a program that knows the secret takes alerts over: Slack
 * when somebody presses a button, or one of your own. It needs no key: the signature says who asks, and
 * holds once and for five minutes.
 */
export function addAlertActions(
  app: FastifyInstance,
  options: { readonly desk: AlertDesk; readonly secret: string; readonly clock: Clock },
): void {
  const { desk, secret, clock } = options;
  const seen = new SeenSignatures();
  void app.register((scope, _pluginOptions, done) => {
    // A signature is of the bytes, so they are read as they come.
    scope.addContentTypeParser(
      ['application/json', 'application/x-www-form-urlencoded'],
      { parseAs: 'string' },
      (_request, body, parsed) => parsed(null, body),
    );
    scope.post('/v1/alerts/actions', { schema: DOCUMENTATION }, async (request, reply) => {
      const body = typeof request.body === 'string' ? request.body : '';
      const nowMs = clock.nowMs();
      const signature = checkedSignature(request, { body, secret, nowMs });
      if (!seen.isNew(signature, nowMs)) {
        throw new Problem({
          code: 'ACTION_REPLAYED',
          detail: 'A request with this signature was taken already',
        });
      }
      const { alertId, actor } = actionIn(body, request.headers['content-type'] ?? '');
      await desk.acknowledge(alertId, actor);
      // Slack takes 200 for success and nothing else.
      return reply.code(200).send({ alert_id: alertId, state: 'acknowledged' });
    });
    done();
  });
}

/** @throws {Problem} SIGNATURE_INVALID */
function checkedSignature(
  { headers }: FastifyRequest,
  signed: { readonly body: string; readonly secret: string; readonly nowMs: number },
): string {
  const own = String(headers['x-weir-signature'] ?? '');
  if (isSigned(own, signed)) return own;
  const signature = String(headers['x-slack-signature'] ?? '');
  const seconds = String(headers['x-slack-request-timestamp'] ?? '');
  if (isSignedBySlack({ signature, seconds }, signed)) return signature;
  throw new Problem({
    code: 'SIGNATURE_INVALID',
    detail: 'Expected x-weir-signature or x-slack-signature of this body, at most five minutes old',
  });
}

/**
 * Reads `{alert_id, actor}`, or what Slack sends when the button is pressed.
 *
 * @throws {Problem} BODY_INVALID
 * @see https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
 */
function actionIn(body: string, contentType: string): Action {
  const isForm = contentType.startsWith('application/x-www-form-urlencoded');
  const found = parsedObject(isForm ? (new URLSearchParams(body).get('payload') ?? '') : body);
  const action = isForm
    ? slackAction(found)
    : { alertId: found?.['alert_id'], by: found?.['actor'] };
  const { alertId, by } = action;
  if (typeof alertId !== 'string' || alertId === '' || alertId.length > ALERT_ID_LENGTH_MAX) {
    throw new Problem({
      code: 'BODY_INVALID',
      detail: `Expected {"alert_id", "actor"}, or Slack's payload with the action ${ACKNOWLEDGE_ACTION}`,
    });
  }
  const actor = typeof by === 'string' && by !== '' ? by : 'webhook';
  return { alertId, actor: actor.slice(0, ACTOR_LENGTH_MAX) };
}

function slackAction(payload: Readonly<Record<string, unknown>> | undefined): {
  readonly alertId: unknown;
  readonly by: unknown;
} {
  const actions: unknown = payload?.['actions'];
  const pressed: unknown = Array.isArray(actions)
    ? actions.find((each: unknown) => isObject(each) && each['action_id'] === ACKNOWLEDGE_ACTION)
    : undefined;
  const user = payload?.['user'];
  return {
    alertId: isObject(pressed) ? pressed['value'] : undefined,
    by: isObject(user) ? (user['username'] ?? user['name'] ?? user['id']) : undefined,
  };
}

function parsedObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Which signatures were taken while they could be taken again. */
class SeenSignatures {
  /** When each can be forgotten, in the order in which they came. */
  readonly #untilMs = new Map<string, number>();

  isNew(signature: string, nowMs: number): boolean {
    for (const [old, untilMs] of this.#untilMs) {
      if (untilMs >= nowMs && this.#untilMs.size < SEEN_MAX) break;
      this.#untilMs.delete(old);
    }
    if (this.#untilMs.has(signature)) return false;
    // A signature may be from a clock that is ahead by as much as it may be old.
    this.#untilMs.set(signature, nowMs + 2 * SIGNATURE_MS_MAX);
    return true;
  }
}

const DOCUMENTATION = {
  tags: ['alerts'],
  summary: 'Take an alert over from another program',
  description:
    'Signed instead of carrying a key: with x-weir-signature over a JSON body {"alert_id", "actor"}, or by Slack when somebody presses Acknowledge. A signature holds once, for five minutes. docs/alerts.md says how to sign.',
  response: {
    200: {
      description: 'The acknowledgement is durable',
      content: { 'application/json': { schema: AcknowledgeAnswer } },
    },
    ...problemAnswers(400, 401, 404, 409, 503),
  },
};
