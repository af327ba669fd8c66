import { type Catalog, isPrivate } from './catalog.ts';
import { FORGEABLE, noPrivileges } from './check.ts';
import { isAllowedFunction, isAllowedTableFunction } from './functions.ts';
import { type Refusal, refusal } from './refusal.ts';

/** A piece of a statement: a name, plain or in backquotes, or anything else. */
interface Token {
  readonly kind: 'name' | 'text' | 'parameter' | 'number' | 'sign';
  /** For a name without its quotes, for a text with them. */
  readonly value: string;
}

/**
 * The pieces of text as ClickHouse's formatter writes it: one line, no comments, texts in single quotes
 * and unusual names in backquotes, both with backslashes before what is special.
 */
const TOKEN =
  /\s+|(?<text>'(?:[^'\\]|\\[^])*')|`(?<quoted>[^`\\]*)`|(?<plain>[A-Za-z_]\w*)|(?<number>\d[\w.]*)|(?<parameter>\{\w+:[\w(), './-]*\})|(?<sign>->|<=>|::|[()[\],.+*/%<>=!?@|^&~:-])/y;

/** Words before a bracket that call no function. */
const KEYWORDS_BEFORE_BRACKET = new Set(
  `all and any array as between by columns cube distinct else except filter from having ilike in
  intersect interpolate is join like limit materialized not offset on or over prewhere qualify recursive replace
  rollup select sets step then to union using when where with`.split(/\s+/),
);

/**
 * Words of clauses that are refused. The syntax tree shows where SETTINGS and INTO OUTFILE stand and not
 * what they say, and hides what APPLY calls; an answer in blocks cannot carry totals.
 */
const REFUSED_WORDS: ReadonlyMap<string, string> = new Map([
  ['settings', 'SETTINGS cannot be given in a statement; they are sent with the request'],
  ['outfile', 'Answers cannot be written to files'],
  ['apply', 'APPLY is not available; name the columns'],
  ['totals', 'WITH TOTALS is not available; use WITH ROLLUP'],
]);

/**
 * Refuses a statement by its words alone, whatever they stand for: it is the first of two checks, and
 * sees what the syntax tree leaves out.
 *
 * @param statement as ClickHouse's formatter writes it
 */
export function wordsRefusal(statement: string, catalog: Catalog): Refusal | undefined {
  const tokens = tokensOf(statement);
  if (tokens === undefined) {
    return refusal('SYNTAX_ERROR', 'The statement holds a character that names cannot have');
  }
  for (const [index, token] of tokens.entries()) {
    const found =
      token.kind === 'name'
        ? nameRefusal(token.value, {
            before: tokens[index - 1]?.value,
            after: tokens[index + 1]?.value,
            catalog,
          })
        : valueRefusal(token);
    if (found !== undefined) return found;
  }
  return undefined;
}

function nameRefusal(
  name: string,
  around: {
    readonly before: string | undefined;
    readonly after: string | undefined;
    readonly catalog: Catalog;
  },
): Refusal | undefined {
  const { before, after, catalog } = around;
  const word = name.toLowerCase();
  const isColumn = before === '.' || after === '.';
  const isAlias = before?.toLowerCase() === 'as';
  const isTotals = word === 'totals' && before?.toLowerCase() !== 'with';
  const reason = REFUSED_WORDS.get(word);
  if (reason !== undefined && !isColumn && !isAlias && !isTotals) {
    return refusal('QUERY_NOT_ALLOWED', reason);
  }
  if (isPrivate(name, catalog) && !isAlias && after !== '.') return noPrivileges(name);
  const isAllowed = isAllowedFunction(name);
  if (after === '(') {
    if (isAllowed || isAllowedTableFunction(name) || KEYWORDS_BEFORE_BRACKET.has(word)) {
      return undefined;
    }
    return refusal(
      'FUNCTION_NOT_ALLOWED',
      `Function ${name.slice(0, 64)} is not available here; docs/sql.md says which are`,
    );
  }
  // Higher-order functions take the name of a function in place of a lambda: arrayMap(file, …).
  if (isAllowed || isColumn || isAlias || !catalog.functions.has(word)) return undefined;
  return refusal(
    'FUNCTION_NOT_ALLOWED',
    `${name.slice(0, 64)} is the name of a function that is not available; a column of this name needs its table in front`,
  );
}

function valueRefusal({ kind, value }: Token): Refusal | undefined {
  if (kind === 'parameter' && /:\s*Identifier/i.test(value)) {
    return refusal('BAD_REQUEST_PARAMETER', 'A parameter cannot be a name');
  }
  if ((kind === 'text' || kind === 'parameter') && FORGEABLE.test(value)) {
    return refusal('QUERY_NOT_ALLOWED', 'States of aggregate functions cannot be given');
  }
  return undefined;
}

/** Undefined when something is not as the formatter writes it. */
function tokensOf(statement: string): readonly Token[] | undefined {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < statement.length) {
    const match = TOKEN.exec(statement);
    if (match === null) return undefined;
    const { text, quoted, plain, number, parameter, sign } = match.groups ?? {};
    const name = quoted ?? plain;
    if (name !== undefined) tokens.push({ kind: 'name', value: name });
    else if (text !== undefined) tokens.push({ kind: 'text', value: text });
    else if (number !== undefined) tokens.push({ kind: 'number', value: number });
    else if (parameter !== undefined) tokens.push({ kind: 'parameter', value: parameter });
    else if (sign !== undefined) tokens.push({ kind: 'sign', value: sign });
  }
  return tokens;
}
