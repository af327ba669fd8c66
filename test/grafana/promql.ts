/** What a PromQL expression reads: names of series, and the labels it matches or groups by. */
export interface Read {
  readonly names: readonly string[];
  /** Labels in the matchers of one name. */
  readonly matched: readonly { readonly name: string; readonly label: string }[];
  /** Labels of `by`, `without`, `on`, `ignoring`, `group_left` and `group_right`. */
  readonly grouped: readonly string[];
}

const GROUPINGS = /\b(by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g;
const WORDS = new Set(['and', 'or', 'unless', 'bool', 'offset', 'inf', 'nan']);

/** Finds names and labels in an expression; whether it is well formed is for promtool to say. */
export function readOf(expression: string): Read {
  const grouped = [...expression.matchAll(GROUPINGS)].flatMap(([, , labels = '']) =>
    labels.split(',').map((label) => label.trim()),
  );
  const plain = expression.replaceAll(GROUPINGS, ' ').replaceAll(/\[[^\]]*\]/g, ' ');
  const names: string[] = [];
  const matched: { name: string; label: string }[] = [];
  const series = /(?<![\w:$.])([a-zA-Z_:][\w:]*)\s*(\{[^}]*\}|\()?/g;
  for (const [, name = '', next = ''] of withoutTexts(plain).matchAll(series)) {
    if (next === '(' || WORDS.has(name)) continue;
    names.push(name);
    for (const [, label = ''] of next.matchAll(/([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)/g)) {
      matched.push({ name, label });
    }
  }
  return { names, matched, grouped: grouped.filter((label) => label !== '') };
}

function withoutTexts(expression: string): string {
  return expression.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
}

/** An expression of a panel as Grafana sends it. */
export function withRange(expression: string): string {
  return expression
    .replaceAll('$__rate_interval', '1m')
    .replaceAll('$__range_s', '3600')
    .replaceAll('$__range', '1h');
}
