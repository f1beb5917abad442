import '@mantine/charts/styles.css';
import { AreaChart } from '@mantine/charts';
import { Text } from '@mantine/core';
import { useThrottledValue } from '@mantine/hooks';
import { memo, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { Schemas } from '../../api/client';
import { Panel } from '../../components/Panel';
import { useFormat } from '../../format';
import { type CurvePoint, curveOf } from './progress';

type Curve = Schemas['CurveAnswer'];

interface SendCurveProps {
  curve: Curve;
  sends: readonly number[];
}

const REDRAW_MS = 2_000;

/** Sends over time. A curve that is two seconds late hurts nobody; drawing it five times a second would. */
export default memo(function SendCurve({ curve, sends }: SendCurveProps) {
  const { t } = useTranslation('campaign');
  const late = useThrottledValue(sends, REDRAW_MS);
  const points = useMemo(() => curveOf(curve, late), [curve, late]);
  return (
    <Panel title={t('curve.title')}>
      {points.length === 0 ? (
        <Text c="dimmed" size="sm">
          {t('curve.empty')}
        </Text>
      ) : (
        <Drawing points={points} stepSeconds={curve.bucket_seconds} />
      )}
    </Panel>
  );
});

/** Apart, so that events that come between two redrawings leave the chart alone. */
const Drawing = memo(function Drawing({
  points,
  stepSeconds,
}: {
  points: readonly CurvePoint[];
  stepSeconds: number;
}) {
  const { t } = useTranslation('campaign');
  const format = useFormat();
  const data = useMemo(() => {
    const clock = new Intl.DateTimeFormat(format.language, {
      hour: '2-digit',
      minute: '2-digit',
      ...(stepSeconds < 60 ? { second: '2-digit' } : {}),
    });
    return points.map((point) => ({ at: clock.format(point.at), sent: point.sent }));
  }, [points, format, stepSeconds]);
  const most = points.reduce((found, point) => Math.max(found, point.sent), 0);
  const step = format.duration(stepSeconds);
  return (
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
  );
});
