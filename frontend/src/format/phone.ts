const BRAZIL = /^55(\d{2}|[\d*]{2})([\d*]{4,5})([\d*]{4})$/;

/**
 * `5511987654321` → `+55 (11) 98765-4321`; masked digits (`5511*****4321`) keep their stars.
 * Numbers of other countries keep their digits after a `+`.
 */
export function formatPhone(digits: string): string {
  const found = BRAZIL.exec(digits);
  if (found !== null) return `+55 (${found[1]}) ${found[2]}-${found[3]}`;
  return /^[\d*]{8,15}$/.test(digits) ? `+${digits}` : digits;
}
