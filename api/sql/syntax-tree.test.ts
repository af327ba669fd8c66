import { expect, test } from 'vitest';

import { parseSyntaxTree } from './syntax-tree.ts';

const TREE = `SelectWithUnionQuery (children 1)
 ExpressionList (children 1)
  SelectQuery (children 2)
   ExpressionList (children 1)
    Function count (alias n (children 3)) (children 1)
     ExpressionList
   TablesInSelectQuery (children 1)
    TablesInSelectQueryElement (children 1)
     TableExpression (children 1)
      TableIdentifier weir.clicks (alias c)
`;

test('a tree has the kinds, the names without aliases and the children', () => {
  const root = parseSyntaxTree(TREE);
  const [call, from] = root?.children[0]?.children[0]?.children ?? [];
  expect(call?.children).toMatchObject([{ kind: 'Function', name: 'count' }]);
  expect(from?.children[0]?.children[0]?.children).toEqual([
    expect.objectContaining({
      kind: 'TableIdentifier',
      name: 'weir.clicks',
      text: 'weir.clicks (alias c)',
      children: [],
    }),
  ]);
});

test.each([
  ['a name that brings a line of its own', TREE.replace('(alias c)', '(alias c\n      Literal 1)')],
  ['a child that is missing', TREE.replace('     ExpressionList\n', '')],
  ['a second root', `${TREE}SelectQuery\n`],
  ['a line that is too deep', TREE.replace('      TableIdentifier', '         TableIdentifier')],
  ['nothing', ''],
])('a text with %s is no tree', (_what, text) => {
  expect(parseSyntaxTree(text)).toBe(undefined);
});
