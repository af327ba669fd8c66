/** The range and the step of time of a dashboard, in seconds; the range includes both ends. */
export interface Range {
  readonly fromSeconds: number;
  readonly toSeconds: number;
  readonly stepSeconds: number;
}

/** What is chosen for each variable; undefined stands for all values. */
export type Choices = ReadonlyMap<string, readonly string[] | undefined>;

/**
 * A statement as the ClickHouse plugin sends it: variables first, then the plugin's macros.
 *
 * @see the section Macros of the plugin's query editor documentation
 */
export function expand(statement: string, range: Range, choices: Choices): string {
  const from = `toDateTime(${range.fromSeconds})`;
  const to = `toDateTime(${range.toSeconds})`;
  const expanded = statement
    .replaceAll(/\$__conditionalAll\((.+?), \$(\w+)\)/g, (_all, condition: string, name: string) =>
      chosen(choices, name) === undefined ? '1=1' : condition,
    )
    .replaceAll(/\$\{(\w+)(:singlequote)?\}/g, (_all, name: string, quoted?: string) =>
      textOf(chosen(choices, name), quoted !== undefined),
    )
    .replaceAll(
      /\$__timeFilter\(([^)]+)\)/g,
      (_all, column: string) => `${column} >= ${from} AND ${column} <= ${to}`,
    )
    .replaceAll(
      /\$__timeInterval\(([^)]+)\)/g,
      (_all, column: string) =>
        `toStartOfInterval(toDateTime(${column}), INTERVAL ${range.stepSeconds} second)`,
    )
    .replaceAll('$__toTime_ms', `fromUnixTimestamp64Milli(${range.toSeconds * 1_000})`)
    .replaceAll('$__toTime', to)
    .replaceAll('$__fromTime', from);
  const left = /\$.{0,20}/.exec(expanded);
  if (left !== null) throw new Error(`Expected a known macro or variable, got ${left[0]}`);
  return expanded;
}

function chosen(choices: Choices, name: string): readonly string[] | undefined {
  if (!choices.has(name)) throw new Error(`Expected a variable of the dashboard, got ${name}`);
  return choices.get(name);
}

function textOf(values: readonly string[] | undefined, isQuoted: boolean): string {
  if (values === undefined) return "'$__all'";
  return values
    .map((value) => (isQuoted ? `'${value.replaceAll("'", String.raw`\'`)}'` : value))
    .join(',');
}
