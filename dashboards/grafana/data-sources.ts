import type { DataSourceRef } from '@grafana/grafana-foundation-sdk/common';

/** Where engine metrics come from. */
export const PROMETHEUS: DataSourceRef = { type: 'prometheus', uid: 'weir-prometheus' };

/** Where results come from: a ClickHouse server, or the read-only port of an embedded Weir. */
export const CLICKHOUSE: DataSourceRef = {
  type: 'grafana-clickhouse-datasource',
  uid: 'weir-clickhouse',
};

/**
 * What Grafana reads from `provisioning/datasources`. It fills in the variables from its own
 * environment; `docs/grafana.md` describes them.
 */
export const DATA_SOURCES = {
  apiVersion: 1,
  prune: true,
  datasources: [
    {
      name: 'Weir metrics',
      uid: PROMETHEUS.uid,
      type: PROMETHEUS.type,
      access: 'proxy',
      url: '$WEIR_PROMETHEUS_URL',
      editable: false,
      jsonData: { httpMethod: 'POST', timeInterval: '15s', prometheusType: 'Prometheus' },
    },
    {
      name: 'Weir results',
      uid: CLICKHOUSE.uid,
      type: CLICKHOUSE.type,
      editable: false,
      isDefault: true,
      jsonData: {
        host: '$WEIR_CLICKHOUSE_HOST',
        port: '$WEIR_CLICKHOUSE_PORT',
        protocol: 'http',
        defaultDatabase: 'weir',
        username: '$WEIR_CLICKHOUSE_USER',
      },
      secureJsonData: { password: '$WEIR_CLICKHOUSE_PASSWORD' },
    },
  ],
} as const;

/** What Grafana reads from `provisioning/dashboards`: where the dashboards lie. */
export const DASHBOARD_PROVIDERS = {
  apiVersion: 1,
  providers: [
    {
      name: 'weir',
      type: 'file',
      folder: 'Weir',
      folderUid: 'weir',
      allowUiUpdates: false,
      options: { path: '/etc/grafana/provisioning/dashboards/weir' },
    },
  ],
} as const;
