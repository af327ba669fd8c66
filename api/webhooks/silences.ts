import { isObject } from '../../schemas/events/check-record.ts';
import type { Row } from '../../schemas/panel.ts';
import type { EnginePort } from '../../schemas/ports.ts';
import { textOf } from './message.ts';

/** What is not told for some time: alerts that have every value that is named. */
interface Silence {
  readonly kind: string | undefined;
  readonly sku: string | undefined;
  readonly nodeId: string | undefined;
  readonly untilMs: number;
}

/** Silences that are read; more than anybody sets by hand. */
const SILENCES_MAX = 1_000;

/** The newest rule of every subject `alerts/silence/<name>`. */
const NEWEST_RULES = `SELECT argMax(rule, (occurred_at, event_id)) AS rule
  FROM weir.reference
  WHERE kind = 'rule' AND startsWith(subject, 'alerts/silence/') AND rule IS NOT NULL
  GROUP BY subject
  ORDER BY max(occurred_at) DESC
  LIMIT ${SILENCES_MAX}`;

/**
 * The silences that are set: reference events of kind `rule`, so that the log has who asked for
 * silence, and when.
 */
export class Silences {
  #silences: readonly Silence[] = [];

  /** Reads them anew; keeps those it has when ClickHouse does not answer. */
  async refresh(engine: Pick<EnginePort, 'query'>): Promise<void> {
    const rows = await engine.query(NEWEST_RULES, {}).catch(() => undefined);
    if (rows === undefined) return;
    this.#silences = rows.flatMap(({ rule }) => silenceOf(String(rule)) ?? []);
  }

  isSilenced(alert: Row, nowMs: number): boolean {
    return this.#silences.some(
      ({ kind, sku, nodeId, untilMs }) =>
        nowMs < untilMs &&
        (kind === undefined || kind === textOf(alert, 'kind')) &&
        (sku === undefined || sku === textOf(alert, 'sku')) &&
        (nodeId === undefined || nodeId === textOf(alert, 'node_id')),
    );
  }
}

/** Reads `{"kind"?, "sku"?, "node_id"?, "until"}`; undefined when it has no end. */
function silenceOf(text: string): Silence | undefined {
  let rule: unknown;
  try {
    rule = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(rule)) return undefined;
  const { kind, sku, node_id: nodeId, until } = rule;
  if (typeof until !== 'number') return undefined;
  const named = (value: unknown): string | undefined =>
    typeof value === 'string' ? value : undefined;
  return { kind: named(kind), sku: named(sku), nodeId: named(nodeId), untilMs: until };
}
