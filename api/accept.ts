/** One entry of an `Accept` header. */
interface Accepted {
  readonly mediaRange: string;
  readonly quality: number;
}

/**
 * The media type of `offered` (in order of our preference) that the `Accept` header likes best;
 * undefined when it likes none. A missing header accepts everything.
 *
 * @see RFC 9110, section 12.5.1
 */
export function bestMediaType<Offered extends string>(
  header: string | undefined,
  offered: readonly Offered[],
): Offered | undefined {
  if (header === undefined || header.trim() === '') return offered[0];
  const accepted = header.split(',').map(parseAccepted);
  let best: Offered | undefined;
  let bestQuality = 0;
  for (const mediaType of offered) {
    const quality = qualityOf(mediaType, accepted);
    if (quality > bestQuality) {
      best = mediaType;
      bestQuality = quality;
    }
  }
  return best;
}

/** The quality of the most specific range that covers `mediaType`. */
function qualityOf(mediaType: string, accepted: readonly Accepted[]): number {
  const ranges = [mediaType, `${mediaType.split('/', 1)[0]}/*`, '*/*'];
  for (const range of ranges) {
    const found = accepted.find(({ mediaRange }) => mediaRange === range);
    if (found !== undefined) return found.quality;
  }
  return 0;
}

function parseAccepted(entry: string): Accepted {
  const [mediaRange = '', ...parameters] = entry
    .split(';')
    .map((part) => part.trim().toLowerCase());
  const quality = parameters.find((parameter) => parameter.startsWith('q='));
  const value = quality === undefined ? 1 : Number(quality.slice(2));
  return { mediaRange, quality: Number.isNaN(value) ? 0 : value };
}
