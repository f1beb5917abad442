import { Checkbox } from '@mantine/core';
import {
  type ColumnDef,
  createColumnHelper,
  FlexRender,
  type Row as TableRow,
  type RowData,
  tableFeatures,
  useTable,
} from '@tanstack/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, type ReactNode, useEffect, useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import classes from './DataTable.module.css';

/** What the table needs of TanStack Table: rows and columns; order and filters are the server's. */
const features = tableFeatures({});

export interface Column<Row> {
  id: string;
  header: string;
  cell: (row: Row) => ReactNode;
  /** A CSS grid track: `minmax(160px, 2fr)`, `96px`. */
  width?: string;
  align?: 'left' | 'right';
  /** Left out on screens under 768 px. */
  wideOnly?: boolean;
}

export interface Selection {
  selected: ReadonlySet<string>;
  onChange: (selected: ReadonlySet<string>) => void;
}

interface DataTableProps<Row> {
  /** Said to screen readers. */
  label: string;
  rows: readonly Row[];
  columns: readonly Column<Row>[];
  rowKey: (row: Row) => string;
  /** Opens a row: a click anywhere on it, or Enter. */
  onOpen?: (row: Row) => void;
  /** Named for screen readers when rows can be selected. */
  rowLabel?: (row: Row) => string;
  selection?: Selection;
  /** Called near the end of the rows: load the next page. */
  onEnd?: () => void;
  /** Of all rows, loaded or not. */
  total?: number;
  empty?: ReactNode;
  /** Pixels; the rows scroll inside. */
  height?: number;
  rowHeight?: number;
}

/** A list of any length: only the rows in sight are in the page. */
export function DataTable<Row extends RowData>({
  label,
  rows,
  columns,
  rowKey,
  onOpen,
  rowLabel,
  selection,
  onEnd,
  total,
  empty,
  height = 560,
  rowHeight = 52,
}: DataTableProps<Row>) {
  const { t } = useTranslation();
  const scroller = useRef<HTMLDivElement>(null);
  const table = useTable({
    features,
    data: rows,
    columns: useMemo(() => definitions(columns), [columns]),
    getRowId: rowKey,
  });
  const shown = table.getRowModel().rows;
  // eslint-disable-next-line react-hooks/incompatible-library -- says that the React Compiler would skip this component
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => shown[index]?.id ?? index,
    overscan: 8,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? -1;
  useEffect(() => {
    if (onEnd !== undefined && shown.length > 0 && last >= shown.length - 10) onEnd();
  }, [last, shown.length, onEnd]);

  const tracks = (wide: boolean): string =>
    [
      ...(selection === undefined ? [] : ['40px']),
      ...columns
        .filter((column) => wide || column.wideOnly !== true)
        .map((column) => column.width ?? 'minmax(0, 1fr)'),
    ].join(' ');
  const chosen = selection?.selected;
  const all = shown.length > 0 && shown.every((row) => chosen?.has(row.id));

  return (
    <div
      className={classes.table}
      role="table"
      aria-label={label}
      aria-rowcount={(total ?? shown.length) + 1}
      style={{ '--tracks-wide': tracks(true), '--tracks-narrow': tracks(false) } as object}
    >
      <div role="rowgroup" className={classes.head}>
        <div role="row" aria-rowindex={1} className={classes.row}>
          {selection !== undefined && (
            <div role="columnheader" className={classes.cell}>
              <Checkbox
                size="xs"
                aria-label={t('table.selectAll')}
                checked={all}
                indeterminate={!all && (chosen?.size ?? 0) > 0}
                onChange={() => {
                  selection.onChange(new Set(all ? [] : shown.map((row) => row.id)));
                }}
              />
            </div>
          )}
          {columns.map((column) => (
            <div
              key={column.id}
              role="columnheader"
              className={classes.cell}
              data-wide-only={column.wideOnly}
              data-align={column.align}
            >
              {column.header}
            </div>
          ))}
        </div>
      </div>
      {shown.length === 0 ? (
        <div role="rowgroup">
          <div role="row">
            <div role="cell" className={classes.empty}>
              {empty ?? t('table.empty')}
            </div>
          </div>
        </div>
      ) : (
        <div
          ref={scroller}
          role="rowgroup"
          className={classes.body}
          tabIndex={0}
          aria-label={label}
          style={{ maxHeight: height }}
        >
          <div role="presentation" style={{ height: virtual.getTotalSize(), position: 'relative' }}>
            {items.map((item) => {
              const row = shown[item.index];
              if (row === undefined) return null;
              return (
                <BodyRow
                  key={row.id}
                  row={row}
                  index={item.index}
                  start={item.start}
                  height={rowHeight}
                  measure={virtual.measureElement}
                  columns={columns}
                  onOpen={onOpen}
                  rowLabel={rowLabel}
                  selection={selection}
                />
              );
            })}
          </div>
        </div>
      )}
    </div>
  );
}

interface BodyRowProps<Row extends RowData>
  extends Pick<DataTableProps<Row>, 'columns' | 'onOpen' | 'rowLabel' | 'selection'> {
  row: TableRow<typeof features, Row>;
  index: number;
  /** Pixels from the first row. */
  start: number;
  height: number;
  measure: (element: HTMLElement | null) => void;
}

/** Drawn again when it changes, not whenever the list is scrolled. */
const BodyRow = memo(function BodyRow<Row extends RowData>({
  row,
  index,
  start,
  height,
  measure,
  columns,
  onOpen,
  rowLabel,
  selection,
}: BodyRowProps<Row>) {
  return (
    <div
      ref={measure}
      data-index={index}
      role="row"
      aria-rowindex={index + 2}
      className={classes.row}
      data-opens={onOpen !== undefined || undefined}
      tabIndex={onOpen === undefined ? undefined : 0}
      onKeyDown={
        onOpen === undefined
          ? undefined
          : (event) => {
              if (event.key === 'Enter' && event.target === event.currentTarget) {
                onOpen(row.original);
              }
            }
      }
      style={{
        position: 'absolute',
        insetInline: 0,
        top: 0,
        minHeight: height,
        transform: `translateY(${start}px)`,
      }}
      onClick={
        onOpen === undefined
          ? undefined
          : (event) => {
              const target = event.target as HTMLElement;
              if (target.closest('a, button, input, label') === null) onOpen(row.original);
            }
      }
    >
      {selection !== undefined && (
        <div role="cell" className={classes.cell}>
          <Checkbox
            size="xs"
            aria-label={rowLabel?.(row.original) ?? row.id}
            checked={selection.selected.has(row.id)}
            onChange={() => {
              selection.onChange(toggled(selection.selected, row.id));
            }}
          />
        </div>
      )}
      {row.getAllCells().map((cell, at) => (
        <div
          key={cell.id}
          role="cell"
          className={classes.cell}
          data-wide-only={columns[at]?.wideOnly}
          data-align={columns[at]?.align}
        >
          <FlexRender cell={cell} />
        </div>
      ))}
    </div>
  );
}) as <Row extends RowData>(props: BodyRowProps<Row>) => ReactNode;

function definitions<Row extends RowData>(
  columns: readonly Column<Row>[],
): ColumnDef<typeof features, Row>[] {
  const helper = createColumnHelper<typeof features, Row>();
  return columns.map((column) =>
    helper.display({
      id: column.id,
      header: column.header,
      cell: (context) => column.cell(context.row.original),
    }),
  );
}

function toggled(selected: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const next = new Set(selected);
  if (!next.delete(key)) next.add(key);
  return next;
}
