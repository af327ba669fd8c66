import type { FastifyInstance, FastifyReply } from 'fastify';

import { GRAINS, type Grain, type Panel } from '../schemas/panel.ts';
import type { EnginePort } from '../schemas/ports.ts';
import { bestMediaType } from './accept.ts';
import { RowsAnswer, offAmong, problemAnswers } from './answers.ts';
import type { Clock } from './clock.ts';
import { csvOf } from './csv.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { parseInstant } from './instant-parameter.ts';
import { FILTER_VALUES_MAX, FILTER_VALUE_LENGTH_MAX } from './live/filter.ts';
import { lagRecords } from './live/pipeline-row.ts';
import { Problem } from './problem.ts';
import {
  type Selection,
  ViewCatalogue,
  pageStatement,
  positionOf,
  publicRow,
} from './statement.ts';

/** Rows of an answer when the caller does not say. */
const LIMIT_DEFAULT = 1_000;
/** One answer of this many rows is about 3 MB; more comes by cursor. */
const LIMIT_MAX = 10_000;
const CURSOR_LENGTH_MAX = 2_048;

const JSON_TYPE = 'application/json';
const CSV_TYPE = 'text/csv';

type QueryString = Readonly<Record<string, string | number | readonly string[]>>;

/** Adds `GET /v1/{path}` for every panel that can be queried. */
export function addQueries(
  app: FastifyInstance,
  options: {
    readonly engine: EnginePort;
    readonly panels: readonly Panel[];
    readonly clock: Clock;
  },
): void {
  const { engine, panels, clock } = options;
  const catalogue = new ViewCatalogue(engine);
  for (const panel of panels) {
    if (panel.path === undefined) continue;
    app.get<{ Querystring: QueryString }>(
      `/v1/${panel.path}`,
      { schema: documentation(panel) },
      async (request, reply) => {
        const mediaType = bestMediaType(request.headers.accept, [JSON_TYPE, CSV_TYPE]);
        if (mediaType === undefined) {
          throw new Problem({
            code: 'NOT_ACCEPTABLE',
            detail: `Expected Accept to allow ${JSON_TYPE} or ${CSV_TYPE}`,
          });
        }
        const answer = await answerQuestion({ engine, catalogue, panel, clock }, request.query);
        reply.header('vary', 'accept').header('cache-control', 'no-store');
        return mediaType === CSV_TYPE ? sendCsv(reply, panel, answer) : reply.send(answer);
      },
    );
  }
}

interface QueryContext {
  readonly engine: EnginePort;
  readonly catalogue: ViewCatalogue;
  readonly panel: Panel;
  readonly clock: Clock;
}

async function answerQuestion(context: QueryContext, asked: QueryString): Promise<RowsAnswer> {
  const { engine, catalogue, panel, clock } = context;
  // Freshness is taken before the rows are read, so that it never promises more than they hold.
  const status = engine.status();
  const { selection, question } = parseQuestion(panel, asked);
  const columns = await catalogue.columnsOf(selection.view);
  const { sql, parameters } = pageStatement(panel, columns, {
    ...selection,
    limit: selection.limit + 1,
  });
  const found = await engine.query(sql, parameters);
  const page = found.slice(0, selection.limit);
  const last = page.at(-1);
  const hasMore = found.length > selection.limit && last !== undefined;
  return {
    rows: page.map((row) => publicRow(panel.query.columns, columns, row)),
    as_of: clock.nowMs(),
    watermark: status.watermark,
    complete: isComplete(panel, selection, status),
    processors_off: offAmong(status, panel.needs),
    next_cursor: hasMore ? encodeCursor(positionOf(panel, columns, last), question) : null,
  };
}

/** Whether every event that these rows stand for is expected to be in. */
function isComplete(
  panel: Panel,
  selection: Selection,
  status: ReturnType<EnginePort['status']>,
): boolean {
  if (panel.query.timeColumn === undefined) return lagRecords(status) === 0;
  const { watermark } = status;
  return selection.toMs !== undefined && watermark !== null && selection.toMs <= watermark;
}

/** @returns what is asked for, and the part of it that a cursor is bound to */
function parseQuestion(
  panel: Panel,
  asked: QueryString,
): { readonly selection: Selection; readonly question: unknown } {
  const grain = grainOf(panel, asked['grain']);
  const view = panel.query.views[grain];
  if (view === undefined) {
    throw new Problem({ code: 'QUERY_INVALID', detail: `grain: ${panel.path} has no such rows` });
  }
  const fromMs = instantOf(asked, 'from');
  const toMs = instantOf(asked, 'to');
  if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs) {
    throw new Problem({ code: 'QUERY_INVALID', detail: 'Expected from to be before to' });
  }
  const filters = new Map<string, readonly string[]>();
  for (const column of panel.query.filters) {
    const values = asked[column];
    if (Array.isArray(values) && values.length > 0) filters.set(column, values.map(String));
  }
  const isDescending = asked['order'] === 'desc';
  const question = [panel.path, grain, fromMs, toMs, isDescending, [...filters]];
  const cursor = asked['cursor'];
  const limit = asked['limit'];
  return {
    question,
    selection: {
      view,
      fromMs,
      toMs,
      filters,
      isDescending,
      limit: typeof limit === 'number' ? limit : LIMIT_DEFAULT,
      after:
        typeof cursor === 'string'
          ? decodeCursor(cursor, question, panel.query.orderBy.length)
          : undefined,
    },
  };
}

function grainOf(panel: Panel, asked: unknown): Grain | 'all' {
  const wanted = GRAINS.find((grain) => grain === asked);
  return wanted ?? grainsOf(panel)[0] ?? 'all';
}

/** The grains a panel has rows of, smallest first. */
function grainsOf(panel: Panel): readonly Grain[] {
  return GRAINS.filter((grain) => panel.query.views[grain] !== undefined);
}

function instantOf(asked: QueryString, name: string): number | undefined {
  const text = asked[name];
  return typeof text === 'string' ? parseInstant(text, name) : undefined;
}

function sendCsv(reply: FastifyReply, panel: Panel, answer: RowsAnswer): FastifyReply {
  const headers: Record<string, string> = {
    'weir-as-of': String(answer.as_of),
    'weir-complete': String(answer.complete),
  };
  if (answer.watermark !== null) headers['weir-watermark'] = String(answer.watermark);
  if (answer.processors_off.length > 0)
    headers['weir-processors-off'] = answer.processors_off.join(',');
  if (answer.next_cursor !== null) headers['weir-next-cursor'] = answer.next_cursor;
  return reply
    .type(`${CSV_TYPE}; charset=utf-8; header=present`)
    .headers(headers)
    .send(csvOf(panel.query.columns, answer.rows));
}

function documentation(panel: Panel): Record<string, unknown> {
  const { query } = panel;
  const grains = grainsOf(panel);
  const properties: Record<string, object> = {
    limit: { type: 'integer', minimum: 1, maximum: LIMIT_MAX, default: LIMIT_DEFAULT },
    cursor: {
      type: 'string',
      maxLength: CURSOR_LENGTH_MAX,
      description: 'next_cursor of an answer',
    },
    order: {
      type: 'string',
      enum: ['asc', 'desc'],
      default: 'asc',
      description: `By ${query.orderBy.join(', ')}`,
    },
  };
  if (query.timeColumn !== undefined) {
    const instant = `epoch milliseconds or ISO 8601, by ${query.timeColumn}`;
    properties['from'] = { type: 'string', description: `From here on (inclusive): ${instant}` };
    properties['to'] = { type: 'string', description: `Before this (exclusive): ${instant}` };
  }
  if (grains.length > 0) {
    properties['grain'] = { type: 'string', enum: [...grains], default: grains[0] };
  }
  for (const column of query.filters) {
    properties[column] = {
      type: 'array',
      items: { type: 'string', maxLength: FILTER_VALUE_LENGTH_MAX },
      maxItems: FILTER_VALUES_MAX,
      description: 'Any of these values',
    };
  }
  return {
    tags: ['reads'],
    summary: `Rows of ${panel.path}`,
    description: `Columns: ${query.columns.join(', ')}. As CSV with \`Accept: text/csv\`.`,
    querystring: { type: 'object', additionalProperties: false, properties },
    response: {
      200: {
        description: 'The rows and how fresh they are',
        content: {
          [JSON_TYPE]: { schema: RowsAnswer },
          [CSV_TYPE]: { schema: { type: 'string' } },
        },
      },
      ...problemAnswers(400, 406, 503),
    },
  };
}
