/** The kind of an incident, coloured by how bad it is. */
export function SeverityBadge(props: { readonly kind: string; readonly severity: string }) {
  return (
    <span class={`badge ${severityClass(props.severity)}`} title={props.severity}>
      {words(props.kind)}
    </span>
  );
}

function severityClass(severity: string): string {
  if (severity === 'critical') return 'bad';
  return severity === 'warning' ? 'warn' : 'plain';
}

/** `price_drift` as `price drift`. */
function words(name: string): string {
  return name.replaceAll(/[_-]/g, ' ').toLowerCase();
}
