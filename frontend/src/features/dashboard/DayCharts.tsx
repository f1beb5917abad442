import '@mantine/charts/styles.css';
import { BarChart, LineChart } from '@mantine/charts';
import { Table, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../../format';
import type { DayLine } from './queries';
import { dayDate } from './totals';

const HEIGHT = 220;
/** The table says the same: nothing in the pictures is to be reached by keyboard. */
const QUIET = { accessibilityLayer: false };

/** Thirty days as bars and as a line, and the same as a table for who cannot see either. */
export default function DayCharts({ days }: { days: readonly DayLine[] }) {
  const { t, i18n } = useTranslation('dashboard');
  const format = useFormat();
  const short = new Intl.DateTimeFormat(i18n.language, { day: '2-digit', month: '2-digit' });
  const points = days.map((day) => ({
    day: short.format(dayDate(day.date)),
    sent: day.sent,
    errors: day.errors,
    rate: day.total === 0 ? null : day.success_rate,
  }));
  return (
    <>
      <div aria-hidden>
        <BarChart
          h={HEIGHT}
          data={points}
          dataKey="day"
          type="stacked"
          withLegend
          gridAxis="x"
          valueFormatter={(value) => format.number(value)}
          xAxisProps={{ interval: 'preserveStartEnd', minTickGap: 24 }}
          yAxisProps={{ allowDecimals: false }}
          barChartProps={QUIET}
          barProps={{ isAnimationActive: false, maxBarSize: 28 }}
          series={[
            { name: 'sent', label: t('chart.sent'), color: 'brand.7' },
            { name: 'errors', label: t('chart.errors'), color: 'red.7' },
          ]}
        />
        <Text size="sm" fw={600} mt="md" mb={4}>
          {t('chart.rate')}
        </Text>
        <LineChart
          h={120}
          data={points}
          dataKey="day"
          gridAxis="x"
          unit="%"
          connectNulls={false}
          curveType="linear"
          withLegend={false}
          valueFormatter={(value) => format.decimal(value)}
          xAxisProps={{ interval: 'preserveStartEnd', minTickGap: 24 }}
          yAxisProps={{ domain: [0, 100], ticks: [0, 50, 100] }}
          lineChartProps={QUIET}
          lineProps={{ isAnimationActive: false }}
          series={[{ name: 'rate', label: t('chart.rate'), color: 'blue.6' }]}
        />
      </div>
      <details>
        <Text component="summary" size="sm" style={{ cursor: 'pointer' }}>
          {t('chart.asTable')}
        </Text>
        <Table.ScrollContainer minWidth={280} maxHeight={320} scrollAreaProps={{ tabIndex: 0 }}>
          <Table striped>
            <Table.Caption>{t('chart.caption')}</Table.Caption>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t('chart.day')}</Table.Th>
                <Table.Th ta="right">{t('chart.sent')}</Table.Th>
                <Table.Th ta="right">{t('chart.errors')}</Table.Th>
                <Table.Th ta="right">{t('chart.rate')}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {[...days].reverse().map((day) => (
                <Table.Tr key={day.date}>
                  <Table.Td>{format.date(dayDate(day.date))}</Table.Td>
                  <Table.Td ta="right">{format.number(day.sent)}</Table.Td>
                  <Table.Td ta="right">{format.number(day.errors)}</Table.Td>
                  <Table.Td ta="right">
                    {day.total === 0 ? '–' : format.percent(day.success_rate)}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      </details>
    </>
  );
}
