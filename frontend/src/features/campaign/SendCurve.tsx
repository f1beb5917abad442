import '@mantine/charts/styles.css';
import { AreaChart } from '@mantine/charts';
import { Text } from '@mantine/core';
import { useThrottledValue } from '@mantine/hooks';
import { memo, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { Schemas } from '../../api/client';
import { Panel } from '../../components/Panel';
import { useFormat } from '../../format';
import { curveOf } from './progress';

interface SendCurveProps {
  curve: Schemas['CurveAnswer'];
  sends: readonly number[];
}

const REDRAW_MS = 2_000;

/** Sends over time. A curve that is two seconds late hurts nobody; drawing it five times a second would. */
export default memo(function SendCurve({ curve, sends }: SendCurveProps) {
  const { t } = useTranslation('campaign');
  const format = useFormat();
  const late = useThrottledValue(sends, REDRAW_MS);
  const points = useMemo(() => curveOf(curve, late), [curve, late]);
  const data = useMemo(
    () =>
      points.map((point) => ({
        at: new Date(point.at).toLocaleTimeString(format.language, {
          hour: '2-digit',
          minute: '2-digit',
          ...(curve.bucket_seconds < 60 ? { second: '2-digit' } : {}),
        }),
        sent: point.sent,
      })),
    [points, format.language, curve.bucket_seconds],
  );
  const most = Math.max(0, ...points.map((point) => point.sent));
  const step = format.duration(curve.bucket_seconds);
  return (
    <Panel title={t('curve.title')}>
      {data.length === 0 ? (
        <Text c="dimmed" size="sm">
          {t('curve.empty')}
        </Text>
      ) : (
        <figure style={{ margin: 0 }}>
          <AreaChart
            h={220}
            data={data}
            dataKey="at"
            series={[{ name: 'sent', label: t('curve.series', { step }), color: 'brand.6' }]}
            curveType="monotone"
            withDots={data.length < 3}
            withLegend={false}
            gridAxis="x"
            valueFormatter={format.number}
            areaChartProps={{ accessibilityLayer: false }}
            areaProps={{ isAnimationActive: false }}
            yAxisProps={{ allowDecimals: false, width: 40 }}
            xAxisProps={{ minTickGap: 40 }}
            aria-hidden
          />
          <Text component="figcaption" size="xs" c="dimmed" mt={4}>
            {t('curve.caption', { step, most: format.number(most) })}
          </Text>
        </figure>
      )}
    </Panel>
  );
});
