// The form that is to replace `Dashboard` is not read from files by most Grafana versions in use.
/* oxlint-disable typescript/no-deprecated */
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  type Panel,
  QueryVariableBuilder,
  RowBuilder,
  VariableHide,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard';

import { CLICKHOUSE } from './data-sources.ts';

/** Panels under a heading. */
export interface Section {
  readonly heading: string;
  readonly panels: readonly Builder<Panel>[];
}

/** One dashboard. */
export interface Frame {
  /** Part of its address and the name of its file. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** How far back it looks at first, as `24h`. */
  readonly span: string;
  readonly refresh: string;
  readonly variables: readonly QueryVariableBuilder[];
  readonly sections: readonly Section[];
}

/** Marks the dashboards that link to each other. */
const TAG = 'weir';

/** A dashboard in the form that Grafana's file provisioning reads. Times are UTC, like Weir's days. */
export function dashboardOf(frame: Frame): Dashboard {
  const dashboard = new DashboardBuilder(frame.title)
    .uid(`weir-${frame.name}`)
    .description(frame.description)
    .tags([TAG])
    .timezone('utc')
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: `now-${frame.span}`, to: 'now' })
    .refresh(frame.refresh)
    .variables([...frame.variables])
    .link(
      new DashboardLinkBuilder('Weir')
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .keepTime(true)
        .includeVars(true),
    );
  for (const { heading, panels } of frame.sections) {
    dashboard.withRow(new RowBuilder(heading));
    for (const panel of panels) dashboard.withPanel(panel);
  }
  return dashboard.build();
}

/** A variable with the values that a statement gives; the first one is chosen at first. */
export function choice(name: string, label: string, statement: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(CLICKHOUSE)
    .query(statement)
    .definition(statement)
    .refresh(VariableRefresh.OnDashboardLoad);
}

/** A variable of which any number of values may be chosen, all of them at first. */
export function filter(name: string, label: string, statement: string): QueryVariableBuilder {
  return choice(name, label, statement)
    .multi(true)
    .includeAll(true)
    .current({ selected: true, text: ['All'], value: ['$__all'] });
}

/** A variable that follows from others, out of sight. */
export function derived(name: string, statement: string): QueryVariableBuilder {
  return choice(name, name, statement).hide(VariableHide.HideVariable);
}
