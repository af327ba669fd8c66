import { CLICKHOUSE } from './data-sources.ts';
import { type Frame, type Section, filter } from './frame.ts';
import { BAD, GOOD, NEUTRAL, STOCK_STATES, WATCH, thresholds } from './look.ts';
import { comparison, course, figure, list } from './panels.ts';
import { rowsOf, seriesOf } from './queries.ts';

const AT_NODE = '$__conditionalAll(node_id IN (${node:singlequote}), $node)';

/** Most rows of a table: more nobody reads. */
const LIST_ROWS_MAX = 200;

/** One is worth a look, ten are an incident. */
const SOME = thresholds(GOOD, { from: 1, colour: WATCH }, { from: 10, colour: BAD });
const ANY = thresholds(GOOD, { from: 1, colour: BAD });
/** Half an hour to recover is the objective of the service. */
const RECOVERY = thresholds(GOOD, { from: 15 * 60, colour: WATCH }, { from: 30 * 60, colour: BAD });

function countOf(view: string, where: string): string {
  return `SELECT count() AS Value\nFROM weir.${view}\nWHERE ${where}`;
}

const GLANCE: Section = {
  heading: 'Now',
  panels: [
    figure({
      title: 'Out of stock',
      description: 'Pairs of SKU and node with nothing left to sell.',
      source: CLICKHOUSE,
      queries: [rowsOf(countOf('stock_current', `state = 'OUT' AND ${AT_NODE}`))],
      unit: 'short',
      isPlain: true,
      thresholds: SOME,
    }),
    figure({
      title: 'Alerts nobody has taken',
      description: 'Open alerts that no one has acknowledged.',
      source: CLICKHOUSE,
      queries: [rowsOf(countOf('alerts', `state = 'open' AND ${AT_NODE}`))],
      unit: 'short',
      isPlain: true,
      thresholds: ANY,
    }),
    figure({
      title: 'Alerts being worked on',
      description: 'Acknowledged alerts that are not resolved.',
      source: CLICKHOUSE,
      queries: [rowsOf(countOf('alerts', `state = 'acknowledged' AND ${AT_NODE}`))],
      unit: 'short',
      isPlain: true,
      thresholds: thresholds(NEUTRAL),
    }),
    figure({
      title: 'Stock not to be trusted',
      description:
        'Pairs of SKU and node with a hole in their sequence numbers: some movement never arrived. A new count settles it.',
      source: CLICKHOUSE,
      queries: [rowsOf(countOf('stock_current', `state = 'STALE' AND ${AT_NODE}`))],
      unit: 'short',
      isPlain: true,
      thresholds: SOME,
    }),
    figure({
      title: 'Mean time to resolve',
      description:
        'From the opening of an incident to stock being back, over incidents resolved in the range.',
      source: CLICKHOUSE,
      queries: [
        rowsOf(
          `SELECT avg(dateDiff('second', opened_at, resolved_at)) AS Value\nFROM weir.stock_incidents\n` +
            `WHERE resolved_at IS NOT NULL AND $__timeFilter(resolved_at) AND ${AT_NODE}`,
        ),
      ],
      unit: 's',
      isPlain: true,
      noValue: 'none resolved',
      thresholds: RECOVERY,
    }),
    figure({
      title: 'Longest open',
      description: 'Age of the oldest incident that is not resolved.',
      source: CLICKHOUSE,
      queries: [
        rowsOf(
          `SELECT maxOrNull(dateDiff('second', opened_at, now())) AS Value\nFROM weir.stock_incidents\n` +
            `WHERE resolved_at IS NULL AND ${AT_NODE}`,
        ),
      ],
      unit: 's',
      isPlain: true,
      noValue: 'none open',
      thresholds: RECOVERY,
    }),
  ],
};

const ALERTS: Section = {
  heading: 'Alerts',
  panels: [
    list({
      title: 'Not resolved',
      description:
        'Acknowledge an alert on the live page or by POST /v1/alerts/{alert_id}/acknowledge. The runbook says what to do.',
      source: CLICKHOUSE,
      queries: [
        rowsOf(
          `SELECT opened_at AS "Opened", dateDiff('second', opened_at, now()) AS "Open for", severity AS "Severity", kind AS "Kind",\n` +
            `  subject AS "About", state AS "State", acknowledged_by AS "Taken by", detail AS "Detail", runbook AS "Runbook", alert_id AS "Alert"\n` +
            `FROM weir.alerts\nWHERE state != 'resolved' AND ${AT_NODE}\n` +
            `ORDER BY state = 'open' DESC, opened_at DESC\nLIMIT ${LIST_ROWS_MAX}`,
        ),
      ],
      width: 16,
      height: 10,
      noValue: 'nothing is open',
      units: { 'Open for': 's' },
      coloured: ['Open for'],
      thresholds: RECOVERY,
    }),
    course({
      title: 'Alerts opened',
      description: 'Alerts by kind, when they opened.',
      source: CLICKHOUSE,
      queries: [
        seriesOf(
          `SELECT $__timeInterval(opened_at) AS time, kind, count() AS Value\nFROM weir.alerts\n` +
            `WHERE $__timeFilter(opened_at) AND ${AT_NODE}\nGROUP BY time, kind\nORDER BY time`,
        ),
      ],
      unit: 'short',
      width: 8,
      height: 10,
      isStacked: true,
      interval: '1m',
      legend: ['sum'],
    }),
  ],
};

const STOCK: Section = {
  heading: 'Stock',
  panels: [
    comparison({
      title: 'States now',
      description: 'Pairs of SKU and node in each state.',
      source: CLICKHOUSE,
      known: STOCK_STATES,
      queries: [
        seriesOf(
          `SELECT $__toTime AS time, state, count() AS Value\nFROM weir.stock_current\nWHERE ${AT_NODE}\nGROUP BY state\nORDER BY time`,
        ),
      ],
      unit: 'short',
      width: 8,
    }),
    list({
      title: 'Least to sell',
      description: 'Pairs of SKU and node with the fewest units left, those out of stock first.',
      source: CLICKHOUSE,
      queries: [
        rowsOf(
          `SELECT sku AS "SKU", node_id AS "Node", state AS "State", available AS "Available", on_hand AS "On hand",\n` +
            `  reserved AS "Reserved", safety AS "Safety", changed_at AS "Since", as_of AS "As of"\n` +
            `FROM weir.stock_current\nWHERE available IS NOT NULL AND ${AT_NODE}\nORDER BY available, sku, node_id\nLIMIT ${LIST_ROWS_MAX}`,
        ),
      ],
      width: 16,
      coloured: ['State'],
    }),
    course({
      title: 'Stockouts opened and resolved',
      description:
        'Incidents per step of time. More opened than resolved for long means that replenishment falls behind.',
      source: CLICKHOUSE,
      queries: [
        seriesOf(
          `SELECT $__timeInterval(at) AS time, change, count() AS Value\nFROM\n(\n` +
            `  SELECT opened_at AS at, 'opened' AS change FROM weir.stock_incidents WHERE ${AT_NODE}\n  UNION ALL\n` +
            `  SELECT assumeNotNull(resolved_at) AS at, 'resolved' AS change FROM weir.stock_incidents WHERE resolved_at IS NOT NULL AND ${AT_NODE}\n)\n` +
            `WHERE $__timeFilter(at)\nGROUP BY time, change\nORDER BY time`,
        ),
      ],
      unit: 'short',
      width: 12,
      isStacked: false,
      interval: '1m',
      legend: ['sum'],
    }),
    list({
      title: 'SKUs that run out most',
      description: 'Incidents that opened in the range, and how long they lasted.',
      source: CLICKHOUSE,
      queries: [
        rowsOf(
          `SELECT sku AS "SKU", count() AS "Stockouts", countIf(resolved_at IS NULL) AS "Still out",\n` +
            `  sum(dateDiff('second', opened_at, ifNull(resolved_at, $__toTime_ms))) AS "Time out"\n` +
            `FROM weir.stock_incidents\nWHERE $__timeFilter(opened_at) AND ${AT_NODE}\nGROUP BY sku\nORDER BY "Time out" DESC\nLIMIT ${LIST_ROWS_MAX}`,
        ),
      ],
      width: 12,
      units: { 'Time out': 's' },
    }),
  ],
};

/** Stock, incidents and alerts, for those who keep the shelves full. */
export const OPERATIONS: Frame = {
  name: 'operations',
  title: 'Weir · Operations',
  description: 'What is out of stock, which alerts are open, and how fast they are resolved.',
  span: '24h',
  refresh: '30s',
  variables: [
    filter('node', 'Node', 'SELECT DISTINCT node_id FROM weir.stock_current ORDER BY node_id'),
  ],
  sections: [GLANCE, ALERTS, STOCK],
};
