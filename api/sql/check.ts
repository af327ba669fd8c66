import { type Catalog, SYSTEM_TABLES, isPrivate, isPublic } from './catalog.ts';
import { isAllowedFunction, isAllowedTableFunction } from './functions.ts';
import { type Refusal, refusal } from './refusal.ts';
import { formatRefusal } from './request.ts';
import type { SyntaxNode } from './syntax-tree.ts';

/** Nodes without a name that matters here and without contents that `EXPLAIN AST` leaves out. */
const PLAIN_NODES = new Set([
  'ArrayJoin',
  'Asterisk',
  'ColumnsExceptTransformer',
  'ColumnsListMatcher',
  'ColumnsRegexpMatcher',
  'ColumnsReplaceTransformer',
  'ColumnsReplaceTransformer::Replacement',
  'ColumnsTransformerList',
  'ExpressionList',
  'InterpolateElement',
  'Literal',
  'OrderByElement',
  'QualifiedAsterisk',
  'QualifiedColumnsListMatcher',
  'QualifiedColumnsRegexpMatcher',
  'SampleRatio',
  'SelectIntersectExceptQuery',
  'SelectQuery',
  'Subquery',
  'TableJoin',
  'TablesInSelectQuery',
  'TablesInSelectQueryElement',
  'WindowDefinition',
  'WindowListElement',
  'WithElement',
]);

/** All columns at once, of which some tables of ClickHouse's own have too many. */
const STARS = new Set([
  'Asterisk',
  'ColumnsListMatcher',
  'ColumnsRegexpMatcher',
  'QualifiedAsterisk',
  'QualifiedColumnsListMatcher',
  'QualifiedColumnsRegexpMatcher',
]);

/** Functions whose second argument can be the name of a table. */
const MEMBERSHIP = new Set(['in', 'notin', 'globalin', 'globalnotin', 'nullin', 'notnullin']);

/** Functions that take the name of a type as their second argument. */
const TYPE_SECOND = new Set([
  'cast',
  '_cast',
  'accuratecast',
  'accuratecastordefault',
  'accuratecastornull',
  'reinterpret',
]);
/** Functions that take the name of a type as their last argument. */
const TYPE_LAST = new Set([
  'jsonextract',
  'jsonextractcaseinsensitive',
  'jsonextractkeysandvalues',
  'jsonextractkeysandvaluescaseinsensitive',
]);

/** Types whose stored form ClickHouse trusts: a forged one can end the process. */
export const FORGEABLE = /aggregatefunction/i;

/** Columns that say where files lie on this machine. */
const PATH_COLUMNS = new Set(['data_path', 'data_paths', 'metadata_path']);

/** What is known of the statement as a whole. */
interface Checked {
  readonly catalog: Catalog;
  readonly readsPaths: boolean;
}

/** A statement that may run, and the format that it names itself. */
export interface Allowed {
  readonly kind: 'allowed';
  readonly format: string | undefined;
}

/**
 * Decides by its syntax tree whether a statement may run: SELECT over public views and common table
 * expressions, with functions that read no source, without SETTINGS and INTO. Everything else is
 * refused, kinds of nodes that are not known here included.
 */
export function checkQuery(root: SyntaxNode, catalog: Catalog): Allowed | Refusal {
  if (root.kind !== 'SelectWithUnionQuery') return NOT_A_READ;
  const [, ...clauses] = root.children;
  const [formatClause, further] = clauses;
  if (further !== undefined || (formatClause !== undefined && formatClause.kind !== 'Identifier')) {
    return refusal(
      'QUERY_NOT_ALLOWED',
      'SETTINGS and INTO cannot be given in a statement; settings are sent with the request',
    );
  }
  const format = formatClause?.name;
  const wrongFormat = format === undefined ? undefined : formatRefusal(format);
  if (wrongFormat !== undefined) return wrongFormat;
  const readsPaths = someNode(
    root,
    ({ kind, name }) => kind === 'TableIdentifier' && /^system\.(tables|databases)$/.test(name),
  );
  const selects = root.children.slice(0, 1);
  return childrenRefusal(selects, { catalog, readsPaths }) ?? { kind: 'allowed', format };
}

/** The answer to everything that is not one of the statements that are served. */
export const NOT_A_READ = refusal(
  'READONLY',
  'Cannot execute this statement in readonly mode: SELECT, SHOW TABLES, SHOW DATABASES, DESCRIBE and EXISTS are available',
);

function childrenRefusal(nodes: readonly SyntaxNode[], checked: Checked): Refusal | undefined {
  for (const node of nodes) {
    const found = nodeRefusal(node, checked);
    if (found !== undefined) return found;
  }
  return undefined;
}

function nodeRefusal(node: SyntaxNode, checked: Checked): Refusal | undefined {
  switch (node.kind) {
    case 'SelectWithUnionQuery':
      // Its first child are the selects; another one would be SETTINGS, INTO or FORMAT.
      if (node.children.length !== 1) return unknownNode(node);
      break;
    case 'TableExpression':
      return tableExpressionRefusal(node, checked);
    case 'TableIdentifier':
      return tableRefusal(node.name, checked.catalog);
    case 'Identifier':
      return nameRefusal(node.name, checked);
    case 'Function': {
      const found = functionRefusal(node, checked);
      if (found !== undefined) return found;
      break;
    }
    default:
      if (!PLAIN_NODES.has(node.kind)) return unknownNode(node);
      if (checked.readsPaths && STARS.has(node.kind)) {
        return refusal(
          'ACCESS_DENIED',
          'Name the columns: * over system.tables and system.databases is not available',
        );
      }
  }
  return childrenRefusal(node.children, checked);
}

function tableExpressionRefusal(node: SyntaxNode, checked: Checked): Refusal | undefined {
  const [source, ...rest] = node.children;
  if (source?.kind !== 'Function') return childrenRefusal(node.children, checked);
  if (!isAllowedTableFunction(source.name)) {
    return refusal(
      'FUNCTION_NOT_ALLOWED',
      `Table function ${source.name} is not available; numbers and generateSeries are`,
    );
  }
  return childrenRefusal([...source.children, ...rest], checked);
}

function functionRefusal(node: SyntaxNode, checked: Checked): Refusal | undefined {
  if (!isAllowedFunction(node.name)) {
    return refusal('FUNCTION_NOT_ALLOWED', `Function ${node.name} is not available here`);
  }
  const word = node.name.toLowerCase();
  const values = node.children[0]?.children ?? [];
  // Higher-order functions take the name of a function in place of a lambda.
  const named = values.find(
    ({ kind, name }) =>
      kind === 'Identifier' &&
      checked.catalog.functions.has(name.toLowerCase()) &&
      !isAllowedFunction(name),
  );
  if (named !== undefined) {
    return refusal('FUNCTION_NOT_ALLOWED', `Function ${named.name} is not available here`);
  }
  const type = typeOf(word, values);
  // A type that is put together from parts cannot be read here; one that is a parameter can.
  if (type !== undefined && (type.kind !== 'Literal' || FORGEABLE.test(type.text))) {
    return refusal('QUERY_NOT_ALLOWED', `The type in ${node.name} is not one that can be given`);
  }
  const [, set] = values;
  const isTable = MEMBERSHIP.has(word) && set?.kind === 'Identifier';
  return isTable ? tableRefusal(set.name, checked.catalog) : undefined;
}

/** The argument that names a type, if the function has one. */
function typeOf(word: string, values: readonly SyntaxNode[]): SyntaxNode | undefined {
  if (TYPE_SECOND.has(word)) return values[1];
  return TYPE_LAST.has(word) ? values.at(-1) : undefined;
}

/**
 * Refuses a name that a table of this engine has and that is not public. A name that no table has is a
 * common table expression, or the engine says that there is no such table: so a common table
 * expression with the name of a stored table is refused, because outside of its scope the same name is
 * that table.
 */
function tableRefusal(name: string, catalog: Catalog): Refusal | undefined {
  const match = /^(?:(?<database>\w+)\.)?(?<table>\w+)$/.exec(name);
  const { database, table = '' } = match?.groups ?? {};
  const isAllowed =
    match !== null &&
    (database === undefined
      ? !isPrivate(table, catalog)
      : (database === 'weir' && isPublic(table, catalog)) || SYSTEM_TABLES.has(name));
  return isAllowed ? undefined : noPrivileges(name);
}

/**
 * Refuses a column with the name of a table that is not public, because a name can become a table
 * elsewhere: WITH stored AS t SELECT 1 IN t.
 */
function nameRefusal(name: string, checked: Checked): Refusal | undefined {
  const { catalog } = checked;
  const parts = name.split('.');
  const [first = '', second] = parts;
  if (second === undefined && isPrivate(first, catalog)) return noPrivileges(name);
  const isQualified = second !== undefined && catalog.databases.has(first);
  const refused = isQualified ? tableRefusal(`${first}.${second}`, catalog) : undefined;
  return refused ?? columnRefusal(parts.at(-1) ?? name, checked);
}

/** The answer to whoever asks for a table that is not public. */
export function noPrivileges(name: string): Refusal {
  return refusal(
    'ACCESS_DENIED',
    `Not enough privileges for table ${name.slice(0, 128)}. The views of database weir can be read; SHOW TABLES lists them`,
  );
}

function columnRefusal(column: string, checked: Checked): Refusal | undefined {
  if (!checked.readsPaths || !PATH_COLUMNS.has(column)) return undefined;
  return refusal('ACCESS_DENIED', `Not enough privileges for column ${column}`);
}

function unknownNode({ kind }: SyntaxNode): Refusal {
  return refusal('QUERY_NOT_ALLOWED', `${kind} is not available in statements here`);
}

function someNode(node: SyntaxNode, isWanted: (node: SyntaxNode) => boolean): boolean {
  return isWanted(node) || node.children.some((child) => someNode(child, isWanted));
}
