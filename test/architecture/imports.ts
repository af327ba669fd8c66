import { posix } from 'node:path';

/** Source text by path from the root of the tree, such as `schemas/time.ts`. */
export type Sources = ReadonlyMap<string, string>;

/** One import of one file. */
export interface Import {
  readonly from: string;
  /** What stands between the quotes; undefined for an import of a computed name. */
  readonly specifier: string | undefined;
  /** The file it means, from the root of the tree; undefined for a package or a built-in. */
  readonly to: string | undefined;
}

// `import … from 'x'`, `export … from 'x'`, `import 'x'`, at the start of a line.
const STATIC = /^(?:import|export)\b(?:[^'"`;]*?\bfrom)?\s*(['"])(?<specifier>[^'"]+)\1/gm;
// `import('x')`, as a value and as a type; without quotes the specifier is computed.
const DYNAMIC = /(?<![.#\w])import\s*\(\s*(?:(['"])(?<specifier>[^'"]+)\1)?/g;
// `new URL('./x.ts', import.meta.url)`, the way to name a worker or another program of ours.
const PROGRAM = /\bnew URL\(\s*(['"])(?<specifier>[^'"]+\.[jt]sx?)\1\s*,\s*import\.meta\.url/g;

/** Every import of every file, in the order of the files. */
export function importsOf(sources: Sources): Import[] {
  return [...sources].flatMap(([from, source]) => {
    const code = withoutComments(source);
    return [STATIC, DYNAMIC, PROGRAM].flatMap((pattern) =>
      Array.from(code.matchAll(pattern), (match): Import => {
        const specifier = match.groups?.['specifier'];
        const isProgram = pattern === PROGRAM;
        return { from, specifier, to: targetOf(from, specifier, isProgram) };
      }),
    );
  });
}

function targetOf(
  from: string,
  specifier: string | undefined,
  isProgram: boolean,
): string | undefined {
  if (specifier === undefined) return undefined;
  if (!isProgram && !specifier.startsWith('.')) return undefined;
  return posix.join(posix.dirname(from), specifier);
}

/** Blanks whole-line comments and comment blocks, so that an example in one is no import. */
function withoutComments(source: string): string {
  return source.replaceAll(/^\s*\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
}

/**
 * The imports that lead back to where they started: each cycle once, as the path from its
 * alphabetically first file back to that file.
 */
export function cyclesOf(imports: readonly Import[]): string[][] {
  const next = new Map<string, string[]>();
  for (const { from, to } of imports) {
    if (to !== undefined) next.set(from, [...(next.get(from) ?? []), to]);
  }
  const cycles = new Map<string, string[]>();
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    const at = path.indexOf(file);
    if (at >= 0) {
      const cycle = path.slice(at);
      const first = cycle.indexOf(cycle.toSorted()[0] ?? file);
      const turned = [...cycle.slice(first), ...cycle.slice(0, first)];
      cycles.set(turned.join(), [...turned, turned[0] ?? file]);
      return;
    }
    if (done.has(file)) return;
    path.push(file);
    for (const target of next.get(file) ?? []) visit(target);
    path.pop();
    done.add(file);
  };
  for (const file of next.keys()) visit(file);
  return [...cycles.values()];
}
