/** The half-width of a plain 95 % interval in standard errors. */
export const PLAIN_ERRORS = 1.959963984540054;

/**
 * Wilson's 95 % interval of a share, which stays within 0 and 1 and is honest for few trials.
 *
 * @see E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22 (1927)
 */
export function wilsonInterval(
  successes: number,
  trials: number,
): { readonly point: number; readonly low: number; readonly high: number } | undefined {
  if (trials <= 0) return undefined;
  const point = successes / trials;
  const squared = PLAIN_ERRORS ** 2;
  const centre = (point + squared / (2 * trials)) / (1 + squared / trials);
  const half =
    (PLAIN_ERRORS * Math.sqrt((point * (1 - point)) / trials + squared / (4 * trials ** 2))) /
    (1 + squared / trials);
  return { point, low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}
