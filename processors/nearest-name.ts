/** The known name that differs in the fewest letters, if that is at most a third of them. */
export function nearestOf(name: string, known: readonly string[]): string | undefined {
  const sameLastPart = known.find((candidate) => candidate.endsWith(`.${name}`));
  if (sameLastPart !== undefined) return sameLastPart;
  const distances = known.map((candidate) => editDistance(name, candidate));
  const least = Math.min(...distances);
  return least * 3 <= name.length ? known[distances.indexOf(least)] : undefined;
}

/** @see Levenshtein distance, by the two-row method of Wagner and Fischer */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
