import {
  type DynamicConfigValue,
  FieldColorBuilder,
  FieldColorModeId,
  MappingType,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';

/** Colours that mean the same on every dashboard. */
export const GOOD = '#3f9d6b';
export const WATCH = '#d9a019';
export const BAD = '#d1433b';
export const NEUTRAL = '#6b8fb5';
const QUIET = '#8a93a1';

/**
 * One colour per channel on every panel. Channels that are not here get one from their name, so they
 * too keep it from panel to panel.
 */
const CHANNEL_COLOURS: Readonly<Record<string, string>> = {
  dtc: '#3b82c4',
  amazon: '#e08e2b',
  messaging: '#3f9d6b',
  retail: '#a05ac8',
  search: '#4aa8c0',
  social: '#d1568b',
  email: '#c9b037',
  organic: '#7fb05b',
  direct: QUIET,
  unattributed: '#5a6069',
};

/** Colours of the states of a SKU at a node, from the worst to the best. */
const STOCK_COLOURS: Readonly<Record<string, string>> = {
  OUT: BAD,
  BACKORDER: '#b0507a',
  AT_RISK: '#e0702b',
  LOW: WATCH,
  STALE: '#8f7a3d',
  UNKNOWN: QUIET,
  RECOVERING: NEUTRAL,
  IN_STOCK: GOOD,
};

/** Colours of how settled a window is. */
const WINDOW_COLOURS: Readonly<Record<string, string>> = {
  provisional: WATCH,
  matured: NEUTRAL,
  final: GOOD,
};

/** What a panel shows of the series that a regular expression names. */
export interface SeriesLook {
  readonly pattern: string;
  readonly properties: DynamicConfigValue[];
}

/** Series that are channels. */
export const CHANNELS = looksOf(CHANNEL_COLOURS);
/** Series that are states of stock. */
export const STOCK_STATES = looksOf(STOCK_COLOURS);
/** Series that are states of windows. */
export const WINDOW_STATES = looksOf(WINDOW_COLOURS);

/**
 * The colour and the bare name of each series. A series is named by its text alone, or has the name
 * of its column in front, depending on the version of Grafana.
 */
function looksOf(colours: Readonly<Record<string, string>>): readonly SeriesLook[] {
  return Object.entries(colours).map(([name, colour]) => ({
    pattern: `/^(\\S+ )?${name}$/`,
    properties: [
      { id: 'displayName', value: name },
      { id: 'color', value: { mode: 'fixed', fixedColor: colour } },
    ],
  }));
}

/** Every other series has the colour that Grafana gives its name. */
export function byName(): FieldColorBuilder {
  return new FieldColorBuilder().mode(FieldColorModeId.PaletteClassicByName);
}

/** The colour of the threshold that a figure has reached. */
export function byThreshold(): FieldColorBuilder {
  return new FieldColorBuilder().mode(FieldColorModeId.Thresholds);
}

/** Steps from `base` up: each begins at its value, in the unit of the panel. */
export function thresholds(
  base: string,
  ...steps: readonly { readonly from: number; readonly colour: string }[]
): ThresholdsConfigBuilder {
  const all: Threshold[] = [
    { value: null, color: base },
    ...steps.map(({ from, colour }) => ({ value: from, color: colour })),
  ];
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(all);
}

/** Cells of a table that hold one of the names above have its colour. */
export function colouredNames(): ValueMapping {
  const options = Object.entries({ ...CHANNEL_COLOURS, ...STOCK_COLOURS }).map(
    ([name, color], index) => [name, { color, index }] as const,
  );
  return { type: MappingType.ValueToText, options: Object.fromEntries(options) };
}
