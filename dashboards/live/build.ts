import { existsSync } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { EngineError } from '../../schemas/errors.ts';

/** Most bytes the script may have, minified and not compressed: a phone on a slow line loads it in a second. */
export const SCRIPT_BYTES_MAX = 160_000;

const SOURCE_DIR = fileURLToPath(new URL('./src/', import.meta.url));
/** Where the page is built and served from. */
export const DIST_DIR = fileURLToPath(new URL('./dist/', import.meta.url));

/** Files that are served as they are. */
const STATIC_FILES = ['index.html', 'icon.svg'] as const;

/** The files of the built page by name, and the size of each. */
export interface BuiltPage {
  /** The directory to serve. */
  readonly outDir: string;
  /** Absolute paths. */
  readonly files: readonly string[];
  /** Size of each file by its name. */
  readonly bytes: Readonly<Record<string, number>>;
}

/**
 * Bundles the live page into `outDir`: `index.html`, `app.js`, `app.css` and `icon.svg`. The same
 * sources give the same bytes.
 *
 * @throws {EngineError} ASSERTION_FAILED when the script outgrows `SCRIPT_BYTES_MAX`.
 */
export async function buildPage(options: { readonly outDir?: string } = {}): Promise<BuiltPage> {
  const outDir = options.outDir ?? DIST_DIR;
  const { build } = await import('esbuild');
  await mkdir(outDir, { recursive: true });
  await build({
    entryPoints: [
      { in: join(SOURCE_DIR, 'main.tsx'), out: 'app' },
      { in: join(SOURCE_DIR, 'styles/app.css'), out: 'app' },
    ],
    outdir: outDir,
    bundle: true,
    minify: true,
    format: 'esm',
    // Two years of browsers; the page needs no transpiled syntax beyond that.
    target: ['chrome120', 'firefox121', 'safari17.2'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    charset: 'utf8',
    logLevel: 'warning',
  });
  for (const name of STATIC_FILES) {
    await writeFile(join(outDir, name), await readFile(join(SOURCE_DIR, name)));
  }
  const names = [...STATIC_FILES, 'app.js', 'app.css'];
  const files = names.map((name) => join(outDir, name));
  const bytes: Record<string, number> = {};
  for (const name of names) bytes[name] = (await stat(join(outDir, name))).size;
  const scriptBytes = bytes['app.js'] ?? 0;
  if (scriptBytes > SCRIPT_BYTES_MAX) {
    throw new EngineError({
      code: 'ASSERTION_FAILED',
      kind: 'defect',
      message: `Expected app.js of at most ${SCRIPT_BYTES_MAX} bytes, got ${scriptBytes}`,
    });
  }
  return { outDir, files, bytes };
}

/**
 * The directory of the page, built from its sources where the tools for that are installed. An
 * installation without them, such as a container's, serves the page that it was made with.
 */
export async function openPage(): Promise<string> {
  if (isInstalled('esbuild') || !existsSync(join(DIST_DIR, 'index.html'))) await buildPage();
  return DIST_DIR;
}

function isInstalled(name: string): boolean {
  try {
    import.meta.resolve(name);
    return true;
  } catch {
    return false;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const page = await buildPage();
  for (const [name, size] of Object.entries(page.bytes)) console.log(`${name} ${size} bytes`);
}
