/**
 * The clause `, did you mean "lines"?` for the candidate nearest to `wrong`; empty when none is near.
 *
 *     `unknown name "linse"${suggest('linse', ['lines', 'counts'])}`
 */
export function suggest(wrong: string, candidates: Iterable<string>): string {
  // A name may have 64 characters; what is far longer is no slip of the finger.
  if (wrong.length > 100) return '';
  let nearest: string | undefined;
  let least = Math.max(1, Math.floor(wrong.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(wrong.toLowerCase(), candidate.toLowerCase());
    if (distance >= least) continue;
    least = distance;
    nearest = candidate;
  }
  return nearest === undefined ? '' : `, did you mean ${JSON.stringify(nearest)}?`;
}

/** As `suggest`, and nothing after so many findings: a hostile document must not buy a comparison of everything with everything. */
export function suggestAmong(
  findings: readonly unknown[],
  wrong: string,
  candidates: Iterable<string>,
): string {
  return findings.length < SUGGESTIONS_MAX ? suggest(wrong, candidates) : '';
}

const SUGGESTIONS_MAX = 100;

/** Insertions, deletions, replacements and swaps of neighbours that turn the one into the other. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      current[j] = Math.min(replaced, previous[j] + 1, current[j - 1] + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        current[j] = Math.min(current[j], before[j - 2] + 1);
      }
    }
    before = previous;
    previous = current;
  }
  return previous[b.length];
}
