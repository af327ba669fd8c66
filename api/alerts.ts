import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';

import { ALERT_KINDS, isAlertKind } from '../schemas/alert.ts';
import type { Panel, Row } from '../schemas/panel.ts';
import type { EnginePort } from '../schemas/ports.ts';
import { alertStateOf } from './alert-state.ts';
import { AcknowledgeAnswer, AcknowledgeBody, problemAnswers } from './answers.ts';
import { actorOf } from './guard/actor.ts';
import type { Guard } from './guard/guard.ts';
import type { LiveHub } from './live/hub.ts';
import { Problem } from './problem.ts';
import { requireProcessor } from './require-processor.ts';
import { ViewCatalogue, pageStatement, publicRow } from './statement.ts';

/** Acknowledgements on their way through the log that are remembered, to refuse a second one. */
const ON_THEIR_WAY_MAX = 1_000;

/** Longest alert id that is looked up. */
export const ALERT_ID_LENGTH_MAX = 256;

interface AcknowledgeRoute {
  readonly Params: { readonly id: string };
  readonly Body: Static<typeof AcknowledgeBody> | undefined;
}

/** Takes alerts over, each once: for the route of people and for that of other programs. */
export class AlertDesk {
  readonly #engine: EnginePort;
  readonly #hub: LiveHub;
  readonly #panel: Panel | undefined;
  readonly #catalogue: ViewCatalogue;
  readonly #onTheirWay = new Set<string>();

  constructor(options: {
    readonly engine: EnginePort;
    readonly hub: LiveHub;
    readonly panels: readonly Panel[];
  }) {
    this.#engine = options.engine;
    this.#hub = options.hub;
    this.#panel = options.panels.find(({ topic }) => topic === 'alerts');
    this.#catalogue = new ViewCatalogue(options.engine);
  }

  /**
   * Resolves when the acknowledgement is durable.
   *
   * @throws {Problem} ALERT_UNKNOWN, ALERT_RESOLVED, ALERT_ALREADY_ACKNOWLEDGED, PROCESSOR_OFF
   */
  async acknowledge(id: string, actor: string): Promise<void> {
    const alert = this.#hub.find('alerts', id) ?? (await this.#stored(id));
    const refusal = refusalOf(alert, this.#onTheirWay.has(id));
    if (refusal !== undefined) throw refusal;
    const kind = String(alert?.['kind']);
    if (isAlertKind(kind)) requireProcessor(this.#engine, ALERT_KINDS[kind].processor);
    remember(this.#onTheirWay, id);
    try {
      await this.#engine.acknowledge({
        alertId: id,
        entityKey: String(alert?.['entity_key'] ?? ''),
        nodeId: String(alert?.['node_id'] ?? ''),
        actor,
      });
    } catch (error) {
      this.#onTheirWay.delete(id);
      throw error;
    }
  }

  /** Reads an alert that the live view has let go. */
  async #stored(id: string): Promise<Row | undefined> {
    const view = this.#panel?.query.views.all;
    const [key] = this.#panel?.live.key ?? [];
    if (this.#panel === undefined || view === undefined || key === undefined) return undefined;
    const columns = await this.#catalogue.columnsOf(view);
    const { sql, parameters } = pageStatement(this.#panel, columns, {
      view,
      fromMs: undefined,
      toMs: undefined,
      filters: new Map([[key, [id]]]),
      isDescending: false,
      limit: 1,
      after: undefined,
    });
    const [row] = await this.#engine.query(sql, parameters);
    return row === undefined ? undefined : publicRow(this.#panel.query.columns, columns, row);
  }
}

/** Adds `POST /v1/alerts/{id}/acknowledge`. */
export function addAlerts(
  app: FastifyInstance,
  { desk, guard }: { readonly desk: AlertDesk; readonly guard: Guard | undefined },
): void {
  app.post<AcknowledgeRoute>(
    '/v1/alerts/:id/acknowledge',
    { schema: DOCUMENTATION },
    async (request, reply) => {
      const { params, headers, body } = request;
      const { id } = params;
      await desk.acknowledge(id, actorOf({ headers, named: body?.actor }, guard));
      return reply.code(202).send({ alert_id: id, state: 'acknowledged' });
    },
  );
}

function refusalOf(alert: Row | undefined, isOnItsWay: boolean): Problem | undefined {
  const state = alert === undefined ? 'withdrawn' : alertStateOf(alert);
  switch (state) {
    case 'withdrawn':
      return new Problem({ code: 'ALERT_UNKNOWN', detail: 'There is no alert with this id' });
    case 'resolved':
      return new Problem({ code: 'ALERT_RESOLVED', detail: 'The alert is resolved already' });
    case 'acknowledged':
      return alreadyAcknowledged();
    case 'open':
      return isOnItsWay ? alreadyAcknowledged() : undefined;
  }
}

function alreadyAcknowledged(): Problem {
  return new Problem({
    code: 'ALERT_ALREADY_ACKNOWLEDGED',
    detail: 'The alert is acknowledged already',
  });
}

function remember(ids: Set<string>, id: string): void {
  ids.add(id);
  if (ids.size <= ON_THEIR_WAY_MAX) return;
  for (const oldest of ids) {
    ids.delete(oldest);
    return;
  }
}

const DOCUMENTATION = {
  tags: ['alerts'],
  summary: 'Take an alert over',
  description:
    'The acknowledgement goes through the log, so that a recomputation knows it too. It shows in the alert shortly after the answer.',
  params: Type.Object({ id: Type.String({ minLength: 1, maxLength: ALERT_ID_LENGTH_MAX }) }),
  body: { content: { 'application/json': { schema: AcknowledgeBody } } },
  response: {
    202: {
      description: 'The acknowledgement is durable',
      content: { 'application/json': { schema: AcknowledgeAnswer } },
    },
    ...problemAnswers(400, 404, 409, 503),
  },
};
