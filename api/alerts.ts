import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';

import type { Panel, Row } from '../schemas/panel.ts';
import type { EnginePort } from '../schemas/ports.ts';
import { alertStateOf } from './alert-state.ts';
import { AcknowledgeAnswer, AcknowledgeBody, problemAnswers } from './answers.ts';
import type { LiveHub } from './live/hub.ts';
import { Problem } from './problem.ts';
import { ViewCatalogue, pageStatement, publicRow } from './statement.ts';

/** Who has taken an alert over when the request does not say. */
const ACTOR_DEFAULT = 'anonymous';

/** Acknowledgements on their way through the log that are remembered, to refuse a second one. */
const ON_THEIR_WAY_MAX = 1_000;

/** Longest alert id that is looked up. */
const ALERT_ID_LENGTH_MAX = 256;

interface AcknowledgeRoute {
  readonly Params: { readonly id: string };
  readonly Body: Static<typeof AcknowledgeBody> | undefined;
}

/** Adds `POST /v1/alerts/{id}/acknowledge`. */
export function addAlerts(
  app: FastifyInstance,
  options: {
    readonly engine: EnginePort;
    readonly hub: LiveHub;
    readonly panels: readonly Panel[];
  },
): void {
  const { engine, hub } = options;
  const panel = options.panels.find(({ topic }) => topic === 'alerts');
  const catalogue = new ViewCatalogue(engine);
  const onTheirWay = new Set<string>();

  app.post<AcknowledgeRoute>(
    '/v1/alerts/:id/acknowledge',
    { schema: DOCUMENTATION },
    async (request, reply) => {
      const { id } = request.params;
      const alert =
        hub.find('alerts', id) ??
        (panel === undefined ? undefined : await storedAlert({ engine, catalogue, panel }, id));
      const refusal = refusalOf(alert, onTheirWay.has(id));
      if (refusal !== undefined) throw refusal;
      remember(onTheirWay, id);
      try {
        await engine.acknowledge({
          alertId: id,
          entityKey: String(alert?.['entity_key'] ?? ''),
          nodeId: String(alert?.['node_id'] ?? ''),
          actor: request.body?.actor ?? ACTOR_DEFAULT,
        });
      } catch (error) {
        onTheirWay.delete(id);
        throw error;
      }
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

/** Reads an alert that the live view has let go. */
async function storedAlert(
  options: {
    readonly engine: EnginePort;
    readonly catalogue: ViewCatalogue;
    readonly panel: Panel;
  },
  id: string,
): Promise<Row | undefined> {
  const { engine, catalogue, panel } = options;
  const view = panel.query.views.all;
  const [key] = panel.live.key;
  if (view === undefined || key === undefined) return undefined;
  const columns = await catalogue.columnsOf(view);
  const { sql, parameters } = pageStatement(panel, columns, {
    view,
    fromMs: undefined,
    toMs: undefined,
    filters: new Map([[key, [id]]]),
    isDescending: false,
    limit: 1,
    after: undefined,
  });
  const [row] = await engine.query(sql, parameters);
  return row === undefined ? undefined : publicRow(panel.query.columns, columns, row);
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
