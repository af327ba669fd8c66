/** A node of ClickHouse's syntax tree, as `EXPLAIN AST` prints it. */
export interface SyntaxNode {
  /** Such as `Function`. */
  readonly kind: string;
  /** What follows the kind without the alias: the name of a function, a table or a column. */
  readonly name: string;
  /** All that follows the kind. */
  readonly text: string;
  readonly children: readonly SyntaxNode[];
}

interface OpenNode extends SyntaxNode {
  readonly children: OpenNode[];
  readonly childCount: number;
}

const CHILDREN = / \(children (?<count>\d+)\)$/;
const LINE = /^(?<indent> *)(?<kind>[A-Za-z:]+)(?: (?<rest>.*))?$/s;
const ALIAS = / ?\(alias .*\)$/s;

/**
 * Reads the lines of `EXPLAIN AST`: one node each, as many spaces in front as it is deep, and how many
 * children it has. Undefined when these do not agree, so that no name can pass for a node.
 */
export function parseSyntaxTree(text: string): SyntaxNode | undefined {
  const path: OpenNode[] = [];
  let root: OpenNode | undefined;
  for (const line of text.replace(/\n+$/, '').split('\n')) {
    const match = LINE.exec(line);
    if (match === null) return undefined;
    const { indent = '', kind = '', rest = '' } = match.groups ?? {};
    const count = CHILDREN.exec(` ${rest}`)?.groups?.['count'];
    const name = ` ${rest}`.replace(CHILDREN, '').replace(ALIAS, '').trim();
    const node: OpenNode = { kind, name, text: rest, children: [], childCount: Number(count ?? 0) };
    const depth = indent.length;
    if (depth > path.length || (depth === 0) !== (root === undefined)) return undefined;
    path.length = depth;
    path.at(-1)?.children.push(node);
    path.push(node);
    root ??= node;
  }
  return root !== undefined && isComplete(root) ? root : undefined;
}

function isComplete(node: OpenNode): boolean {
  return node.children.length === node.childCount && node.children.every(isComplete);
}
