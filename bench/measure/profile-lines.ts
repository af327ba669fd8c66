import type { ProfileSummary, Share } from './profile.ts';

const FUNCTIONS_SHOWN = 25;

/** A profile as lines to print, in time per event. */
export function profileLines(
  summary: ProfileSummary | undefined,
  events: number,
): readonly string[] {
  if (summary === undefined) return [];
  const line = ({ name, us, share }: Share): string =>
    `${(share * 100).toFixed(1).padStart(6)} % ${(us / events).toFixed(2).padStart(7)} µs/event  ${name}`;
  return [
    'Main thread by stage (samples of a run of its own, wall time):',
    ...summary.stages.map(line),
    'Functions by their own time:',
    ...summary.functions.slice(0, FUNCTIONS_SHOWN).map(line),
  ];
}
