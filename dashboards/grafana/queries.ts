import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';

import { CLICKHOUSE, PROMETHEUS } from './data-sources.ts';

/** How the plugin hands the rows of a statement to a panel, with the number it knows it by. */
const FORMATS = { timeseries: 0, table: 1 } as const;

/** The version of the plugin whose form of a query this is; an older form would be migrated on load. */
const PLUGIN_VERSION = '4.3.0';

/** A statement for the ClickHouse plugin, in SQL with the plugin's macros. */
function clickHouse(queryType: keyof typeof FORMATS, rawSql: string): Builder<Dataquery> {
  const query = {
    _implementsDataqueryVariant: (): void => undefined,
    refId: 'A',
    datasource: CLICKHOUSE,
    editorType: 'sql',
    queryType,
    format: FORMATS[queryType],
    pluginVersion: PLUGIN_VERSION,
    rawSql,
  };
  return { build: () => query };
}

/** Rows as they are. */
export function rowsOf(rawSql: string): Builder<Dataquery> {
  return clickHouse('table', rawSql);
}

/**
 * Rows with a column `time`, which become one series per value of the text column beside it. A column
 * named `Value` leaves the series the bare name of that text.
 */
export function seriesOf(rawSql: string): Builder<Dataquery> {
  return clickHouse('timeseries', rawSql);
}

/** A PromQL expression over the range of the dashboard. `legend` may name labels, as in `{{task}}`. */
export function metric(expression: string, legend: string, refId = 'A'): Builder<Dataquery> {
  return new DataqueryBuilder()
    .datasource(PROMETHEUS)
    .expr(expression)
    .legendFormat(legend)
    .range()
    .refId(refId);
}

/** A PromQL expression at the end of the range, for a single figure. */
export function metricNow(expression: string, legend: string): Builder<Dataquery> {
  return instantOf(expression).legendFormat(legend);
}

/** The labels of the series of a PromQL expression at the end of the range, one row each. */
export function metricRows(expression: string): Builder<Dataquery> {
  return instantOf(expression).format(PromQueryFormat.Table);
}

function instantOf(expression: string): DataqueryBuilder {
  return new DataqueryBuilder().datasource(PROMETHEUS).expr(expression).instant().refId('A');
}
