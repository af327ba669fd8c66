import { PanelBuilder as BarGaugePanel } from '@grafana/grafana-foundation-sdk/bargauge';
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import {
  BarGaugeDisplayMode,
  BarGaugeValueMode,
  BigValueColorMode,
  BigValueGraphMode,
  type DataSourceRef,
  GraphDrawStyle,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TableCellHeight,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizOrientation,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import type {
  DynamicConfigValue,
  FieldColorBuilder,
  Panel,
  ThresholdsConfigBuilder,
  ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as StatPanel } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TablePanel } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeSeriesPanel } from '@grafana/grafana-foundation-sdk/timeseries';

import {
  NEUTRAL,
  type SeriesLook,
  byName,
  byThreshold,
  colouredNames,
  thresholds,
} from './look.ts';

/** What every panel says of itself. */
interface PanelSpec {
  readonly title: string;
  /** What the panel shows, and what to do about it; shown at its title. */
  readonly description: string;
  /** Where its queries run. */
  readonly source: DataSourceRef;
  readonly queries: readonly Builder<Dataquery>[];
  /** A unit of Grafana, such as `s`, `percentunit`, `short`. */
  readonly unit?: string;
  readonly decimals?: number;
  /** Columns of the grid, of 24. */
  readonly width: number;
  /** Rows of the grid, of 30 pixels. */
  readonly height: number;
  readonly thresholds?: ThresholdsConfigBuilder;
  /** Shown in place of an empty answer. */
  readonly noValue?: string;
}

/** A panel of several series. */
interface SeriesSpec extends PanelSpec {
  /** Series whose names have colours of their own; the others have one that Grafana gives the name. */
  readonly known?: readonly SeriesLook[];
}

/** The part of the builders of all kinds of panels that is used here. */
interface AnyPanel extends Builder<Panel> {
  title(title: string): this;
  description(description: string): this;
  datasource(source: DataSourceRef): this;
  targets(queries: Builder<Dataquery>[]): this;
  unit(unit: string): this;
  decimals(decimals: number): this;
  span(width: number): this;
  height(height: number): this;
  thresholds(thresholds: ThresholdsConfigBuilder): this;
  colorScheme(colour: FieldColorBuilder): this;
  noValue(text: string): this;
  mappings(mappings: ValueMapping[]): this;
  overrideByRegexp(pattern: string, properties: DynamicConfigValue[]): this;
}

function describe<P extends AnyPanel>(panel: P, spec: PanelSpec): P {
  panel
    .title(spec.title)
    .description(spec.description)
    .datasource(spec.source)
    .targets([...spec.queries])
    .span(spec.width)
    .height(spec.height)
    .noValue(spec.noValue ?? 'no data');
  if (spec.unit !== undefined) panel.unit(spec.unit);
  if (spec.decimals !== undefined) panel.decimals(spec.decimals);
  if (spec.thresholds !== undefined) panel.thresholds(spec.thresholds);
  return panel;
}

function describeSeries<P extends AnyPanel>(panel: P, spec: SeriesSpec): P {
  describe(panel, spec).colorScheme(byName());
  for (const { pattern, properties } of spec.known ?? []) {
    panel.overrideByRegexp(pattern, properties);
  }
  return panel;
}

/** One figure, in the colour of its threshold, with its course behind it when the query has one. */
export function figure(
  spec: Omit<PanelSpec, 'height' | 'width'> & {
    readonly width?: number;
    /** How the values of a course become one figure. */
    readonly reduce?: 'lastNotNull' | 'sum' | 'max';
    readonly isPlain?: boolean;
  },
): Builder<Panel> {
  const panel = describe(new StatPanel(), { width: 4, ...spec, height: 4 });
  if (spec.thresholds === undefined) panel.thresholds(thresholds(NEUTRAL));
  return panel
    .colorScheme(byThreshold())
    .colorMode(BigValueColorMode.Value)
    .graphMode(spec.isPlain === true ? BigValueGraphMode.None : BigValueGraphMode.Area)
    .reduceOptions(
      new ReduceDataOptionsBuilder().calcs([spec.reduce ?? 'lastNotNull']).values(false),
    );
}

/** Lines over time, or bars stacked on each other, one per series. */
export function course(
  spec: Omit<SeriesSpec, 'height'> & {
    readonly isStacked?: boolean;
    /** Smallest step of time, such as `1m` where rows are minutes. */
    readonly interval?: string;
    readonly height?: number;
    /** What the legend says of each series beside its name. */
    readonly legend?: readonly ('sum' | 'lastNotNull' | 'max' | 'mean')[];
  },
): Builder<Panel> {
  const panel = describeSeries(new TimeSeriesPanel(), { height: 8, ...spec })
    .min(0)
    .lineWidth(spec.isStacked === true ? 0 : 2)
    .fillOpacity(spec.isStacked === true ? 75 : 8)
    .drawStyle(spec.isStacked === true ? GraphDrawStyle.Bars : GraphDrawStyle.Line)
    .showPoints(VisibilityMode.Never)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .calcs([...(spec.legend ?? [])]),
    )
    .tooltip(
      // oxlint-disable-next-line unicorn/no-array-sort -- no array, but the order of the lines
      new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending),
    );
  if (spec.interval !== undefined) panel.interval(spec.interval);
  if (spec.isStacked === true) {
    panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'));
  }
  if (spec.thresholds !== undefined) {
    panel.thresholdsStyle(
      new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed),
    );
  }
  return panel;
}

/** Horizontal bars, one per series, to compare them. */
export function comparison(
  spec: Omit<SeriesSpec, 'height'> & {
    readonly reduce?: 'lastNotNull' | 'sum';
    readonly height?: number;
  },
): Builder<Panel> {
  return describeSeries(new BarGaugePanel(), { height: 8, ...spec })
    .min(0)
    .orientation(VizOrientation.Horizontal)
    .displayMode(BarGaugeDisplayMode.Basic)
    .valueMode(BarGaugeValueMode.Text)
    .showUnfilled(true)
    .reduceOptions(
      new ReduceDataOptionsBuilder().calcs([spec.reduce ?? 'lastNotNull']).values(false),
    );
}

/** Rows as a table; names of channels and states have their colours. */
export function list(
  spec: Omit<PanelSpec, 'height'> & {
    readonly height?: number;
    /** Units of columns, by their names. */
    readonly units?: Readonly<Record<string, string>>;
    /** Columns whose values are coloured by the thresholds of the panel. */
    readonly coloured?: readonly string[];
    /** Columns that stay out of sight. */
    readonly hidden?: readonly string[];
    /** One column for every value of a text column: rows are `row`, cells are `value`. */
    readonly matrix?: { readonly row: string; readonly column: string; readonly value: string };
  },
): Builder<Panel> {
  const panel = describe(new TablePanel(), { height: 8, ...spec })
    .mappings([colouredNames()])
    .cellHeight(TableCellHeight.Sm)
    .showHeader(true)
    .filterable(true);
  for (const [column, unit] of Object.entries(spec.units ?? {})) {
    panel.overrideByName(column, [{ id: 'unit', value: unit }]);
  }
  for (const column of spec.coloured ?? []) {
    panel.overrideByName(column, [
      { id: 'custom.cellOptions', value: { type: 'color-text' } },
      { id: 'color', value: { mode: 'thresholds' } },
    ]);
  }
  for (const column of spec.hidden ?? []) {
    panel.overrideByName(column, [{ id: 'custom.hidden', value: true }]);
  }
  if (spec.matrix !== undefined) {
    const { row, column, value } = spec.matrix;
    panel.withTransformation({
      id: 'groupingToMatrix',
      options: { columnField: column, rowField: row, valueField: value, emptyValue: 'null' },
    });
  }
  return panel;
}
