/** File types that a page loads along with itself. */
const ASSET_EXTENSIONS: ReadonlySet<string> = new Set(
  'avif bmp css eot gif ico jpeg jpg js map mjs mp3 mp4 otf png svg swf ttf wasm webm webp woff woff2 xsl'.split(
    ' ',
  ),
);

/** The path of a URL or of the target of a request, without query and fragment. */
export function pathOf(url: string): string {
  const end = url.search(/[?#]/);
  return end < 0 ? url : url.slice(0, end);
}

/** Whether a path names a file that pages load along with themselves. */
export function isAsset(path: string): boolean {
  const dot = path.lastIndexOf('.');
  return dot > path.lastIndexOf('/') && ASSET_EXTENSIONS.has(path.slice(dot + 1).toLowerCase());
}
