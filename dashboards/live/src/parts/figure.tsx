import { useLayoutEffect, useRef } from 'preact/hooks';

/** Long enough to be noticed from the corner of an eye, over before the next glance. */
const HIGHLIGHT_MS = 900;
const HIGHLIGHT_WITHDRAWN_MS = 3_000;

/**
 * A number that changes while it is looked at: it lights up softly when it grows, and longer in the
 * colour of caution when some of it was withdrawn. A total that shrinks because its oldest minute
 * left the view does neither.
 */
export function Figure(props: {
  readonly value: number;
  readonly text: string;
  /** How much was withdrawn lately; only its growth counts. */
  readonly withdrawn?: number;
}) {
  const { value, text, withdrawn = 0 } = props;
  const element = useRef<HTMLSpanElement>(null);
  const shown = useRef({ value, withdrawn });
  useLayoutEffect(() => {
    const before = shown.current;
    shown.current = { value, withdrawn };
    if (withdrawn > before.withdrawn) highlight(element.current, 'withdrawn');
    else if (value > before.value) highlight(element.current, 'grown');
  }, [value, withdrawn]);
  return (
    <span ref={element} class="figure">
      {text}
    </span>
  );
}

function highlight(element: HTMLElement | null, why: 'grown' | 'withdrawn'): void {
  if (window.matchMedia('(prefers-reduced-motion: reduce)').matches) return;
  const duration = why === 'withdrawn' ? HIGHLIGHT_WITHDRAWN_MS : HIGHLIGHT_MS;
  element?.animate([{ backgroundColor: `var(--${why})` }, { backgroundColor: 'transparent' }], {
    duration,
    easing: 'ease-out',
  });
}
