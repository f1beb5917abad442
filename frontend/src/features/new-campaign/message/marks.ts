/** WhatsApp's own marks: *bold*, _italic_, ~struck~ and ```as typed```. */
export type Mark = 'bold' | 'italic' | 'struck' | 'mono';

export type Piece = string | { mark: Mark; pieces: Piece[] };

const MARKS: readonly [RegExp, Mark][] = [
  [/```([\s\S]+?)```/u, 'mono'],
  [/(?<![\p{L}\p{N}*])\*(?!\s)([^*\n]+?)(?<!\s)\*(?![\p{L}\p{N}*])/u, 'bold'],
  [/(?<![\p{L}\p{N}_])_(?!\s)([^_\n]+?)(?<!\s)_(?![\p{L}\p{N}_])/u, 'italic'],
  [/(?<![\p{L}\p{N}~])~(?!\s)([^~\n]+?)(?<!\s)~(?![\p{L}\p{N}~])/u, 'struck'],
];

export function marked(text: string): Piece[] {
  for (const [pattern, mark] of MARKS) {
    const found = pattern.exec(text);
    if (found === null) continue;
    const inner = found[1] ?? '';
    return [
      ...marked(text.slice(0, found.index)),
      { mark, pieces: mark === 'mono' ? [inner] : marked(inner) },
      ...marked(text.slice(found.index + found[0].length)),
    ];
  }
  return text === '' ? [] : [text];
}
