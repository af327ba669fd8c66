import type { ComponentChildren } from 'preact';

/** What stands where numbers will: why there are none, and what to do about it. */
export function Empty(props: { readonly children: ComponentChildren }) {
  return <div class="empty">{props.children}</div>;
}

/** Something to copy into a terminal. */
export function Command(props: { readonly text: string }) {
  return (
    <pre class="command" tabIndex={0}>
      <code>{props.text}</code>
    </pre>
  );
}
